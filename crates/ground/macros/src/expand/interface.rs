//! The interface as data, and the promise that everything in it can cross.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{Names, hidden};
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
    let (owner, requires) = (optional_text(&options.owner), optional_text(&options.requires));
    quote_spanned! {hidden()=>
        impl<'c> #root::Component for dyn #ident + 'c {
            type Twin = dyn #twin;

            fn declared() -> &'static #root::Declared {
                static DECLARED: ::std::sync::LazyLock<#root::Declared> = ::std::sync::LazyLock::new(|| {
                    let mut types = #root::Types::new();
                    let types = &mut types;
                    let methods = ::std::vec![#(#methods),*];
                    #root::Declared::new(#root::Interface {
                        name: ::std::string::String::from(#name),
                        owner: #owner,
                        requires: #requires,
                        doc: ::std::string::String::from(#doc),
                        methods,
                        types: ::core::mem::take(types).into_defs(),
                    })
                });
                &DECLARED
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

/// Asks of every type, where it is written, whether it can cross. It comes before all that needs the answer, so that the
/// first message is the one that says what to do.
pub(super) fn crossing(component: &Component) -> TokenStream {
    let root = &component.options.root;
    let data = component
        .methods
        .iter()
        .flat_map(|method| method.arguments.iter().map(|argument| &argument.ty).chain([&method.ok]));
    let failures = component.methods.iter().map(|method| &method.error);
    quote_spanned! {hidden()=>
        const _: fn() = || {
            fn data<T: #root::Data>() {}
            fn failure<E: #root::Failure>() {}
            #(data::<#data>();)*
            #(failure::<#failures>();)*
        };
    }
}
