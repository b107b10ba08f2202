//! `derive(Shape)`: emits what serde writes for a type, in serde's order and by serde's names.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Generics, Index, Type, parse_quote};

use crate::mistakes::Mistakes;
use crate::root::Root;
use crate::shape::container::{Container, Content, Crossing, Holding};

mod container;

/// The impl of `Shape` for the item.
pub(crate) fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    refuse_what_never_crosses(&input)?;
    let container = Container::read(&input)?;
    let (ident, root) = (&input.ident, &container.root);
    let generics = with_shapes(&input.generics, root);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let nullable = nullable(&container);
    let shape = shape(&container);
    let crossed = crossed(&container);
    let code = code(&container);
    Ok(quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #root::Shape for #ident #type_generics #where_clause {
            #nullable

            fn shape(types: &mut #root::Types) -> #root::TypeRef {
                #shape
            }
            #crossed
            #code
        }
    })
}

/// Data that crosses owns itself, and one can tell what it holds.
pub(crate) fn refuse_what_never_crosses(input: &DeriveInput) -> syn::Result<()> {
    let mut mistakes = Mistakes::default();
    for parameter in input.generics.lifetimes() {
        mistakes.add(
            parameter,
            "data that crosses owns itself: remove the lifetime and hold owned values",
        );
    }
    let fields: Vec<&Field> = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|case| &case.fields).collect(),
        Data::Union(data) => {
            let message = "a union cannot cross: nobody can tell which field it holds; use an enum";
            mistakes.add(data.union_token, message);
            Vec::new()
        }
    };
    for field in fields {
        if let Type::Reference(reference) = &field.ty {
            let owned = crate::spelling::instead_of(reference);
            mistakes.add(reference, format!("data that crosses owns itself: hold {owned}"));
        }
    }
    mistakes.into_result()
}

/// The generics with `Shape` on each type parameter.
fn with_shapes(generics: &Generics, root: &Root) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#root::Shape));
    }
    generics
}

/// `Shape::NULLABLE`: whether a value may be written as null by name.
fn nullable(container: &Container<'_>) -> Option<TokenStream> {
    let root = &container.root;
    let of = |holding: &Holding<'_>| match &holding.crossing[..] {
        _ if holding.is_unit() => Some(quote!(true)),
        [only] if !only.serde.replaced && (!holding.is_named() || container.serde.transparent) => {
            let inner = &only.field.ty;
            Some(quote!(<#inner as #root::Shape>::NULLABLE))
        }
        _ => None,
    };
    let any: Vec<TokenStream> = match &container.content {
        Content::Struct(holding) => of(holding).into_iter().collect(),
        Content::Enum(cases) if container.serde.untagged => cases
            .iter()
            .filter(|case| !case.replaced)
            .filter_map(|case| of(&case.holding))
            .collect(),
        Content::Enum(_) => Vec::new(),
    };
    (!any.is_empty() && !container.serde.replaced).then(|| quote!(const NULLABLE: bool = #(#any)||*;))
}

/// The body of `Shape::shape`.
fn shape(container: &Container<'_>) -> TokenStream {
    let (root, name) = (&container.root, &container.name);
    if let Some(reason) = &container.opaque {
        return quote! {
            let _ = types;
            #root::TypeRef::Opaque(::std::string::String::from(#reason))
        };
    }
    if let (true, Content::Struct(holding)) = (container.serde.transparent, &container.content) {
        let inner = holding.crossing.iter().find(|crossing| !is_marker(&crossing.field.ty));
        return inner
            .map(|crossing| shape_of(root, &crossing.field.ty))
            .unwrap_or_default();
    }
    let body = match &container.content {
        Content::Struct(holding) => body(container, holding),
        Content::Enum(cases) => {
            let cases = cases.iter().map(|case| {
                let (name, body, other) = (&case.name, body(container, &case.holding), case.other);
                quote!(#root::Case { name: ::std::string::String::from(#name), body: #body, other: #other })
            });
            quote!(#root::Body::Enum { cases: ::std::vec![#(#cases),*] })
        }
    };
    quote!(types.named::<Self>(#name, |types| { let _ = &types; #body }))
}

/// The `Body` of a struct or of a case.
fn body(container: &Container<'_>, holding: &Holding<'_>) -> TokenStream {
    let root = &container.root;
    let shapes: Vec<TokenStream> = holding
        .crossing
        .iter()
        .map(|crossing| shape_of(root, &crossing.field.ty))
        .collect();
    if holding.is_unit() {
        return quote!(#root::Body::Unit);
    }
    if !holding.is_named() {
        return match &shapes[..] {
            [one] => quote!(#root::Body::Newtype(#one)),
            several => quote!(#root::Body::Tuple(::std::vec![#(#several),*])),
        };
    }
    let fields = holding.crossing.iter().zip(&shapes).map(|(crossing, shape)| {
        let name = &crossing.name;
        let optional = match crossing.serde.default || container.serde.default {
            true => quote!(true),
            false => quote!(::core::matches!(type_ref, #root::TypeRef::Option(_))),
        };
        quote! {{
            let type_ref = #shape;
            #root::Field { name: ::std::string::String::from(#name), optional: #optional, type_ref }
        }}
    });
    let closed = container.serde.deny_unknown_fields;
    quote!(#root::Body::Struct { fields: ::std::vec![#(#fields),*], closed: #closed })
}

/// Points at the type, since that is where a missing `Shape` is mended.
fn shape_of(root: &Root, of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> <#of as #root::Shape>::shape(types))
}

/// `Shape::crossed`, which reaches every value that crosses.
fn crossed(container: &Container<'_>) -> Option<TokenStream> {
    if container.serde.replaced {
        return None;
    }
    let root = &container.root;
    let cross = |field: TokenStream, crossing: &Crossing<'_>| {
        let of = &crossing.field.ty;
        quote_spanned!(of.span()=> <#of as #root::Shape>::crossed(#field);)
    };
    let crosses = |crossing: &Crossing<'_>| !crossing.serde.replaced && !is_marker(&crossing.field.ty);
    let body = match &container.content {
        Content::Struct(holding) => {
            let crossing = holding.crossing.iter().filter(|crossing| crosses(crossing));
            let calls: Vec<_> = crossing
                .map(|crossing| {
                    let member = &crossing.member;
                    cross(quote!(&mut self.#member), crossing)
                })
                .collect();
            (!calls.is_empty()).then(|| quote!(#(#calls)*))
        }
        Content::Enum(cases) => {
            let mut arms = Vec::new();
            for case in cases.iter().filter(|case| !case.replaced) {
                let crossing: Vec<_> = case
                    .holding
                    .crossing
                    .iter()
                    .filter(|crossing| crosses(crossing))
                    .collect();
                if crossing.is_empty() {
                    continue;
                }
                let ident = case.ident;
                let members = crossing.iter().map(|crossing| &crossing.member);
                let bound: Vec<_> = (0..crossing.len()).map(|nth| format_ident!("field_{nth}")).collect();
                let calls = bound
                    .iter()
                    .zip(&crossing)
                    .map(|(bound, crossing)| cross(quote!(#bound), crossing));
                arms.push(quote!(Self::#ident { #(#members: #bound,)* .. } => { #(#calls)* }));
            }
            (!arms.is_empty()).then(|| {
                quote! {
                    #[allow(unreachable_patterns)]
                    match self { #(#arms)* _ => {} }
                }
            })
        }
    };
    body.map(|body| quote!(fn crossed(&mut self) { #body }))
}

/// `Shape::code`: of the case that says one, else of the one value inside.
fn code(container: &Container<'_>) -> Option<TokenStream> {
    let root = &container.root;
    let cases = match &container.content {
        Content::Struct(_) => {
            let code = container.code.as_ref()?;
            return Some(quote!(fn code(&self) -> #root::ErrorCode { #root::ErrorCode::#code }));
        }
        Content::Enum(cases) => cases,
    };
    let only = Index::from(0);
    let arms: Vec<TokenStream> = cases
        .iter()
        .filter_map(|case| {
            let ident = case.ident;
            if let Some(code) = &case.code {
                return Some(quote!(Self::#ident { .. } => #root::ErrorCode::#code,));
            }
            let [crossing] = &case.holding.crossing[..] else {
                return None;
            };
            let inner = &crossing.field.ty;
            let replaced = container.serde.replaced || case.replaced || crossing.serde.replaced;
            (!case.holding.is_named() && !replaced && !is_marker(inner))
                .then(|| quote!(Self::#ident { #only: inner } => <#inner as #root::Shape>::code(inner),))
        })
        .collect();
    (!arms.is_empty()).then(|| {
        quote! {
            fn code(&self) -> #root::ErrorCode {
                #[allow(unreachable_patterns)]
                match self { #(#arms)* _ => #root::ErrorCode::FailedPrecondition }
            }
        }
    })
}

/// `PhantomData` carries nothing, and nothing is asked of what it names.
fn is_marker(of: &Type) -> bool {
    matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"))
}
