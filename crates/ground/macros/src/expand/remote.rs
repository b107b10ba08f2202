//! The two ends of a channel: arguments into a request, a request into a call.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt as _;

use super::{Names, hidden, where_all_crosses};
use crate::component::Component;

/// The arguments of each method as one value: a sequence positionally, a map by name when tagged or JSON. Generic, so
/// that serde's derive asks nothing of the types before they are known to cross.
pub(super) fn arguments(component: &Component) -> TokenStream {
    let (root, visibility) = (&component.options.root, &component.visibility);
    let serde = format!("{}::__macro::serde", root.text());
    let structs = component.methods.iter().map(|method| {
        let (ident, fields) = (method.arguments_ident(component), method.names());
        let expecting = format!("the arguments of {}.{}", component.ident.unraw(), method.name());
        let parameters: Vec<Ident> = (0..fields.len())
            .map(|nth| format_ident!("T{nth}", span = hidden()))
            .collect();
        quote_spanned! {hidden()=>
            #[doc(hidden)]
            #[derive(#root::serde::Serialize, #root::serde::Deserialize)]
            #[serde(crate = #serde, expecting = #expecting)]
            #visibility struct #ident<#(#parameters),*> {
                #(#fields: #parameters),*
            }
        }
    });
    structs.collect()
}

/// The client adapter: the twin over a channel.
pub(super) fn client(component: &Component, names: &Names) -> TokenStream {
    let (root, visibility) = (&component.options.root, &component.visibility);
    let Names { twin, client, .. } = names;
    let bounds = where_all_crosses(component);
    let methods = component.methods.iter().enumerate().map(|(index, method)| {
        let (signature, arguments) = (method.twin_signature(component), method.arguments_ident(component));
        let (index, fields) = (Literal::usize_unsuffixed(index), method.names());
        quote_spanned! {hidden()=>
            #signature {
                ::std::boxed::Box::pin(self.0.call(cx, #index, #arguments { #(#fields),* }))
            }
        }
    });
    quote_spanned! {hidden()=>
        #[doc(hidden)]
        #visibility struct #client(#root::Channel);

        impl #twin for #client #bounds {
            #(#methods)*
        }
    }
}

/// The server adapter: requests into calls of the twin.
pub(super) fn server(component: &Component, names: &Names) -> TokenStream {
    let (root, visibility) = (&component.options.root, &component.visibility);
    let Names { twin, server, .. } = names;
    let bounds = where_all_crosses(component);
    let methods = component.methods.iter().enumerate().map(|(index, method)| {
        let (arguments, name) = (method.arguments_ident(component), method.twin_ident());
        let (index, fields) = (Literal::usize_unsuffixed(index), method.names());
        let of = method.arguments.iter().map(|argument| &argument.ty);
        quote_spanned! {hidden()=>
            #index => {
                let #arguments { #(#fields),* }: #arguments<#(#of),*> = request.arguments()?;
                let twin = ::core::clone::Clone::clone(&self.0);
                ::core::result::Result::Ok(
                    request.execute(move |cx| async move { twin.#name(&cx, #(#fields),*).await }),
                )
            }
        }
    });
    quote_spanned! {hidden()=>
        #[doc(hidden)]
        #visibility struct #server(::std::sync::Arc<dyn #twin>);

        impl #root::Server for #server #bounds {
            fn start(
                &self,
                method: usize,
                request: #root::Incoming<'_>,
            ) -> ::core::result::Result<
                ::core::pin::Pin<::std::boxed::Box<dyn #root::Execution>>,
                #root::Refusal,
            > {
                match method {
                    #(#methods)*
                    _ => ::core::result::Result::Err(request.no_such_method()),
                }
            }
        }
    }
}
