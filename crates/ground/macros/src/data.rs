//! `#[terrace::data]`: the derives that data needs, and nothing else. What crosses is described by `derive(Shape)`, which
//! runs after `#[cfg]` and `#[cfg_attr]` are settled.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{Attribute, Data, DeriveInput, Path, Token, parse_quote};

use crate::root::Root;

/// Adds the derives; a mistake is reported beside the item, so that its uses stay quiet.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(mut input) = syn::parse2::<DeriveInput>(item.clone()) else {
        let error = syn::Error::new(
            proc_macro2::Span::call_site(),
            "`#[terrace::data]` goes on a struct or an enum",
        );
        return [error.into_compile_error(), item].into_iter().collect();
    };
    match add_derives(arguments, &mut input) {
        Ok(()) => input.into_token_stream(),
        Err(error) => [error.into_compile_error(), input.into_token_stream()]
            .into_iter()
            .collect(),
    }
}

fn add_derives(arguments: TokenStream, input: &mut DeriveInput) -> syn::Result<()> {
    // First of all, whatever else is wrong: `thiserror` must never see our attribute.
    move_codes(input);
    move_others(input);
    let mut root = Root::default();
    let options = syn::meta::parser(|meta| {
        if !meta.path.is_ident("crate") {
            return Err(meta.error("`data` takes nothing but `crate = \"path\"`"));
        }
        root = Root::parse(&meta)?;
        Ok(())
    });
    options.parse2(arguments)?;
    crate::shape::refuse_what_never_crosses(input)?;

    let derived = derived_names(&input.attrs)?;
    let wanted = |name: &str| !derived.iter().any(|derived| derived == name);
    let (path, serde) = (root.path(), quote!(#root::serde));
    // `Shape` first: of all messages about a type that cannot cross, ours says the fix.
    let derives: Vec<TokenStream> = [
        ("Shape", quote!(#path::Shape)),
        ("Clone", quote!(::core::clone::Clone)),
        ("Debug", quote!(::core::fmt::Debug)),
        ("PartialEq", quote!(::core::cmp::PartialEq)),
        ("Serialize", quote!(#serde::Serialize)),
        ("Deserialize", quote!(#serde::Deserialize)),
    ]
    .into_iter()
    .filter(|(name, _)| wanted(name))
    .map(|(_, path)| path)
    .collect();

    if (wanted("Serialize") || wanted("Deserialize")) && !names_serde_crate(&input.attrs) {
        let serde = format!("{}::__macro::serde", root.text());
        input.attrs.push(parse_quote!(#[serde(crate = #serde)]));
    }
    let root = root.text();
    input.attrs.push(parse_quote!(#[shape(crate = #root)]));
    input.attrs.insert(0, parse_quote!(#[derive(#(#derives),*)]));
    Ok(())
}

/// The last segment of every path that a `#[derive(..)]` below already names.
fn derived_names(attributes: &[Attribute]) -> syn::Result<Vec<String>> {
    let mut names = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
    {
        let paths = syn::punctuated::Punctuated::<Path, Token![,]>::parse_terminated;
        for path in attribute.parse_args_with(paths)? {
            names.extend(path.segments.last().map(|segment| segment.ident.to_string()));
        }
    }
    Ok(names)
}

fn names_serde_crate(attributes: &[Attribute]) -> bool {
    let names_crate = |attribute: &Attribute| {
        let list = attribute
            .meta
            .require_list()
            .map(|list| list.tokens.to_string())
            .unwrap_or_default();
        list.split(',').any(|part| part.trim_start().starts_with("crate"))
    };
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
        .any(names_crate)
}

/// Turns `#[error(code = "..")]` into `#[shape(code = "..")]`, which `thiserror` leaves alone.
fn move_codes(input: &mut DeriveInput) {
    let mut lists = vec![&mut input.attrs];
    if let Data::Enum(cases) = &mut input.data {
        lists.extend(cases.variants.iter_mut().map(|case| &mut case.attrs));
    }
    for attribute in lists.into_iter().flatten() {
        if let Some(code) = code_of(attribute) {
            *attribute = parse_quote!(#[shape(#code)]);
        }
    }
}

/// What `#[error(code ..)]` holds, as opposed to `thiserror`'s `#[error("..")]` and `#[error(transparent)]`.
fn code_of(attribute: &Attribute) -> Option<TokenStream> {
    let list = attribute
        .meta
        .require_list()
        .ok()
        .filter(|list| list.path.is_ident("error"))?;
    let first = list.tokens.clone().into_iter().next()?;
    (first.to_string() == "code").then(|| list.tokens.clone())
}

/// Turns `#[other]` on a case into `#[serde(other)]`, which says itself where it cannot stand.
fn move_others(input: &mut DeriveInput) {
    let Data::Enum(cases) = &mut input.data else { return };
    let attributes = cases.variants.iter_mut().flat_map(|case| &mut case.attrs);
    for attribute in attributes.filter(|attribute| attribute.path().is_ident("other")) {
        *attribute = parse_quote!(#[serde(other)]);
    }
}
