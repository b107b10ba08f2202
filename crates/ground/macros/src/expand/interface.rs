//! The interface as data, and the promise that everything in it can cross.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{Names, distinct, hidden, where_all_crosses};
use crate::component::{Component, doc_text};
use crate::marks::Effect;
use crate::method::Method;
use crate::root::Root;

/// `Component` for the tag `dyn Trait`, whatever its lifetime: the `Send` check erases the lifetime inside a `Ref`.
pub(super) fn tag(component: &Component, names: &Names) -> TokenStream {
    let Component { options, ident, .. } = component;
    let Names { twin, client, server } = names;
    let root = &options.root;
    let methods = component.methods.iter().map(|method| described(method, root));
    let (name, doc) = (component.name(), doc_text(&component.attributes));
    let bounds = where_all_crosses(component);
    let (owner, requires) = (optional_text(&options.owner), optional_text(&options.requires));
    quote_spanned! {hidden()=>
        impl<'c> #root::Component for dyn #ident + 'c #bounds {
            type Twin = dyn #twin;

            fn declared() -> &'static #root::Declared {
                // Not a `LazyLock`: what is inside a `static` does not know the bounds of the `impl`.
                static DECLARED: ::std::sync::OnceLock<#root::Declared> = ::std::sync::OnceLock::new();
                DECLARED.get_or_init(|| {
                    let mut types = #root::Types::new();
                    let methods = {
                        let types = &mut types;
                        ::std::vec![#(#methods),*]
                    };
                    #root::Declared::new(#root::Interface {
                        name: ::std::string::String::from(#name),
                        owner: #owner,
                        requires: #requires,
                        doc: ::std::string::String::from(#doc),
                        methods,
                        types: types.into_defs(),
                    })
                })
            }

            fn client(channel: #root::Channel) -> ::std::sync::Arc<Self::Twin> {
                ::std::sync::Arc::new(#client(channel))
            }

            fn server(twin: ::std::sync::Arc<Self::Twin>) -> ::std::sync::Arc<dyn #root::Server> {
                ::std::sync::Arc::new(#server(twin))
            }
        }
    }
}

/// One method as data.
fn described(method: &Method, root: &Root) -> TokenStream {
    let (name, doc, marks) = (method.name(), doc_text(&method.attributes), marks(method, root));
    let (ok, error) = (&method.ok, &method.error);
    let arguments = method.arguments.iter().map(|argument| {
        let (name, ty) = (argument.name(), &argument.ty);
        quote_spanned! {hidden()=> {
            let type_ref = <#ty as #root::Shape>::shape(types);
            #root::Field {
                name: ::std::string::String::from(#name),
                optional: ::core::matches!(type_ref, #root::TypeRef::Option(_)),
                type_ref,
            }
        }}
    });
    quote_spanned! {hidden()=>
        #root::Method {
            name: ::std::string::String::from(#name),
            doc: ::std::string::String::from(#doc),
            marks: #marks,
            arguments: ::std::vec![#(#arguments),*],
            output: <#ok as #root::Shape>::shape(types),
            error: <#error as #root::Shape>::shape(types),
        }
    }
}

fn marks(method: &Method, root: &Root) -> TokenStream {
    let mut marks = TokenStream::new();
    match method.marks.effect {
        Some(Effect::Read) => marks.extend(quote!(read: true,)),
        Some(Effect::Idempotent) => marks.extend(quote!(idempotent: true,)),
        Some(Effect::Once) => marks.extend(quote!(once: true,)),
        None => {}
    }
    if let Some(key) = &method.marks.key {
        let key = syn::ext::IdentExt::unraw(key).to_string();
        marks.extend(quote!(key: ::core::option::Option::Some(::std::string::String::from(#key)),));
    }
    if let Some(deadline_ms) = method.marks.deadline_ms {
        marks.extend(quote!(deadline_ms: ::core::option::Option::Some(#deadline_ms),));
    }
    quote!(#root::Marks { #marks ..::core::default::Default::default() })
}

fn optional_text(text: &Option<String>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(::std::string::String::from(#text))),
        None => quote!(::core::option::Option::None),
    }
}

/// Asks of every type, where it is written, whether it has what `#[terrace::data]` gives it, and of every error whether it
/// can say that the call failed. Serde's traits are left to [`where_all_crosses`]: their messages would say less.
pub(super) fn crossing(component: &Component) -> TokenStream {
    let root = &component.options.root;
    let methods = &component.methods;
    let shapes = distinct(methods.iter().flat_map(|method| method.data().chain([&method.error])));
    let failures = distinct(methods.iter().map(|method| &method.error));
    quote_spanned! {hidden()=>
        const _: fn() = || {
            fn crosses<T: #root::Shape>() {}
            fn tells_of_a_failed_call<E: #root::FromCallError>() {}
            #(crosses::<#shapes>();)*
            #(tells_of_a_failed_call::<#failures>();)*
        };
    }
}
