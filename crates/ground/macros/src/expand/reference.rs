//! The trait for its own `Ref`: the short path first, and one cold call for everything else.

use proc_macro2::{Literal, TokenStream};
use quote::quote_spanned;

use super::{Names, hidden, where_all_crosses};
use crate::component::Component;
use crate::marks::Effect;
use crate::method::Method;

/// `impl Todos for Ref<dyn Todos>`
pub(super) fn reference(component: &Component, names: &Names) -> TokenStream {
    let (root, ident) = (&component.options.root, &component.ident);
    let methods = component.methods.iter().enumerate().map(|(index, method)| {
        let (signature, body) = (method.signature(), body(component, names, index, method));
        quote_spanned!(hidden()=> #signature { async move { #body } })
    });
    let bounds = where_all_crosses(component);
    quote_spanned! {hidden()=>
        impl #ident for #root::Ref<dyn #ident> #bounds {
            #(#methods)*
        }
    }
}

fn body(component: &Component, names: &Names, index: usize, method: &Method) -> TokenStream {
    let (root, twin) = (&component.options.root, &names.twin);
    let (name, arguments, cx) = (method.twin_ident(), method.names(), method.cx_type());
    let index = Literal::usize_unsuffixed(index);
    // A `read` needs no id of its own, so nobody derives one from its arguments.
    let (derivation, lean) = match method.marks.effect {
        Some(Effect::Read) => (
            quote_spanned!(hidden()=> ::core::option::Option::None),
            quote_spanned!(hidden()=> #root::lean_read(self, cx, #index)),
        ),
        _ => (
            quote_spanned!(hidden()=> #root::derivation(self, cx, #index, &(#(&#arguments,)*))),
            quote_spanned!(hidden()=> #root::lean_derived(self, cx, #index, derivation)),
        ),
    };
    let crossed = (!arguments.is_empty()).then(|| {
        quote_spanned! {hidden()=>
            #(let mut #arguments = #arguments;)*
            if #root::arguments_hold_call_error(self, #index) {
                #(#root::Shape::crossed(&mut #arguments);)*
            }
        }
    });
    let some = match method.marks.effect {
        Some(Effect::Read) => quote_spanned!(hidden()=> derivation),
        _ => quote_spanned!(hidden()=> ::core::option::Option::Some(derivation)),
    };
    quote_spanned! {hidden()=>
        let derivation = #derivation;
        if let ::core::option::Option::Some((twin, child, began)) = #lean {
            return #root::caught(self, cx, #index, began, twin.#name(&child, #(#arguments),*)).await;
        }
        #crossed
        #root::careful(self, cx, #index, #some, move |twin: &dyn #twin, cx: &#cx| twin.#name(cx, #(#arguments),*)).await
    }
}
