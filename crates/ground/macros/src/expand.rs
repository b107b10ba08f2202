//! What a component becomes: the trait with `Send` futures, its boxed twin, and the adapters between them.
//!
//! Everything is emitted with mixed-site spans, so that no variable in here meets one of the user's, and what is no variable
//! begins with `__`; the user's types keep their own spans, so that messages about them point at the trait.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use crate::component::Component;
use crate::method::Method;

mod interface;
mod reference;
mod remote;

/// All that is emitted for a component.
pub(crate) fn expand(component: &Component) -> TokenStream {
    let names = Names::new(component);
    [
        the_trait(component),
        interface::crossing(component),
        twin(component, &names),
        direct(component, &names),
        interface::tag(component, &names),
        remote::arguments(component),
        remote::client(component, &names),
        remote::server(component, &names),
        reference::reference(component, &names),
        shared(component),
    ]
    .into_iter()
    .collect()
}

/// The names of the hidden items.
struct Names {
    twin: Ident,
    client: Ident,
    server: Ident,
}

impl Names {
    fn new(component: &Component) -> Names {
        let ident = component.ident.unraw();
        let name = |suffix: &str| Ident::new(&format!("__{ident}{suffix}"), hidden());
        Names {
            twin: name("Twin"),
            client: name("Client"),
            server: name("Server"),
        }
    }
}

/// The span of what the user did not write.
fn hidden() -> Span {
    Span::mixed_site()
}

impl Method {
    /// Its name in the twin. Another name than the user's, so that a glob import of an interface makes nothing ambiguous.
    fn twin_ident(&self) -> Ident {
        Ident::new(&format!("__{}", self.name()), hidden())
    }

    fn arguments_ident(&self, component: &Component) -> Ident {
        let method = crate::casing::Casing::Pascal.of_field(&self.name());
        format_ident!("__{}{}Arguments", component.ident.unraw(), method, span = hidden())
    }

    /// `a, b`
    fn names(&self) -> Vec<&Ident> {
        self.arguments.iter().map(|argument| &argument.ident).collect()
    }

    /// `, a: A, b: B`
    fn parameters(&self) -> TokenStream {
        let parameters = self.arguments.iter().map(|argument| {
            let (ident, ty) = (&argument.ident, &argument.ty);
            quote!(, #ident: #ty)
        });
        parameters.collect()
    }

    /// `Cx`, as the user wrote it.
    fn cx_type(&self) -> &Type {
        match &self.cx.1 {
            Type::Reference(reference) => &reference.elem,
            other => other,
        }
    }

    /// Every type of an argument or a result.
    fn data(&self) -> impl Iterator<Item = &Type> {
        self.arguments.iter().map(|argument| &argument.ty).chain([&self.ok])
    }

    /// `impl Future<Output = R> + Send`
    fn future(&self) -> TokenStream {
        let result = &self.result;
        quote!(impl ::core::future::Future<Output = #result> + ::core::marker::Send)
    }

    /// The head of the boxed twin.
    fn twin_signature(&self, component: &Component) -> TokenStream {
        let root = &component.options.root;
        let (ident, cx, parameters, result) = (self.twin_ident(), self.cx_type(), self.parameters(), &self.result);
        quote_spanned!(hidden()=> fn #ident<'a>(&'a self, cx: &'a #cx #parameters) -> #root::BoxFuture<'a, #result>)
    }

    /// The head of the user's method where the macro implements it.
    fn signature(&self) -> TokenStream {
        let (ident, cx, parameters, future) = (&self.ident, self.cx_type(), self.parameters(), self.future());
        quote_spanned!(hidden()=> fn #ident(&self, cx: &#cx #parameters) -> #future)
    }
}

/// `where` everything that crosses can cross. `for<'x>` moves the check from the `impl` to its uses: a type that cannot
/// cross is reported once, where the trait names it, and not again from everything that is emitted.
fn where_all_crosses(component: &Component) -> TokenStream {
    let root = &component.options.root;
    let methods = &component.methods;
    let data = distinct(methods.iter().flat_map(Method::data));
    let failures = distinct(methods.iter().map(|method| &method.error));
    quote_spanned! {hidden()=>
        where #(for<'x> #data: #root::Data,)* #(for<'x> #failures: #root::Failure,)*
    }
}

/// Types that are written differently, in the order in which they come.
fn distinct<'t>(types: impl Iterator<Item = &'t Type>) -> Vec<&'t Type> {
    let mut written = BTreeSet::new();
    types.filter(|ty| written.insert(quote!(#ty).to_string())).collect()
}

/// The trait as its modules see it: an `async fn` in an `impl` fits.
fn the_trait(component: &Component) -> TokenStream {
    let Component {
        attributes,
        visibility,
        ident,
        methods,
        ..
    } = component;
    let methods = methods.iter().map(|method| {
        let Method {
            attributes,
            fn_token,
            ident,
            receiver,
            cx: (cx, cx_type),
            ..
        } = method;
        let (parameters, future) = (method.parameters(), method.future());
        let body = match &method.default {
            // The braces are the user's: so is what is wrong between them.
            Some(body) => quote!({ async move #body }),
            None => quote!(;),
        };
        // The macro has a limit of its own, and `self` and `cx` are not the user's to leave out.
        quote! {
            #(#attributes)*
            #[allow(clippy::too_many_arguments)]
            #fn_token #ident(#receiver, #cx: #cx_type #parameters) -> #future where Self: ::core::marker::Sized #body
        }
    });
    let how_to_call = format!(
        "\n\nCallers take `Ref<dyn {ident}>` or `&impl {ident}`; `&dyn {ident}` cannot be called. A module implements it \
         with `async fn`s."
    );
    quote! {
        #(#attributes)*
        #[doc = #how_to_call]
        #visibility trait #ident: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

/// What a `Ref` holds.
fn twin(component: &Component, names: &Names) -> TokenStream {
    let (visibility, twin) = (&component.visibility, &names.twin);
    let signatures = component.methods.iter().map(|method| method.twin_signature(component));
    quote_spanned! {hidden()=>
        #[doc(hidden)]
        #[allow(clippy::too_many_arguments, clippy::type_complexity)]
        #visibility trait #twin: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#signatures;)*
        }
    }
}

/// The direct adapter: a module's own futures, each in a box and nothing else in there.
fn direct(component: &Component, names: &Names) -> TokenStream {
    let (root, ident, twin) = (&component.options.root, &component.ident, &names.twin);
    let methods = component.methods.iter().map(|method| {
        let (signature, name, arguments) = (method.twin_signature(component), &method.ident, method.names());
        quote_spanned! {hidden()=>
            #signature {
                ::std::boxed::Box::pin(<__Module as #ident>::#name(&self.0, cx, #(#arguments),*))
            }
        }
    });
    let bounds = where_all_crosses(component);
    quote_spanned! {hidden()=>
        #[allow(deprecated)]
        impl<__Module: #ident> #twin for #root::Direct<__Module> {
            #(#methods)*
        }

        impl<__Module: #ident> #root::Holds<__Module> for dyn #ident #bounds {
            fn hold(module: __Module) -> ::std::sync::Arc<dyn #twin> {
                ::std::sync::Arc::new(#root::Direct(module))
            }
        }
    }
}

/// A module may be shared.
fn shared(component: &Component) -> TokenStream {
    let ident = &component.ident;
    let methods = component.methods.iter().map(|method| {
        let (signature, name, arguments) = (method.signature(), &method.ident, method.names());
        quote_spanned! {hidden()=>
            #signature {
                <__Module as #ident>::#name(&**self, cx, #(#arguments),*)
            }
        }
    });
    quote_spanned! {hidden()=>
        #[allow(deprecated)]
        impl<__Module: #ident> #ident for ::std::sync::Arc<__Module> {
            #(#methods)*
        }
    }
}
