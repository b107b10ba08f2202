//! `#[terrace::component]`: the trait, judged, and what is wrong with it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, ItemTrait, TraitItem, Visibility};

use crate::marks::Marks;
use crate::method::Method;
use crate::mistakes::Mistakes;
use crate::options::Options;
use crate::spelling::written;

/// A trait that can be called from anywhere.
pub(crate) struct Component {
    pub(crate) options: Options,
    /// The user's attributes.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    pub(crate) methods: Vec<Method>,
}

/// Emits the component, or all that is wrong with it.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let input: ItemTrait = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(error) => return [refusal(error, &item).into_compile_error(), item].into_iter().collect(),
    };
    match Component::read(arguments, input.clone()) {
        Ok(component) => crate::expand::expand(&component),
        Err(mistakes) => {
            let quiet = quietly(input);
            let mistakes = mistakes.into_compile_error();
            quote!(#mistakes #quiet)
        }
    }
}

/// Why the item is no trait that can be read.
fn refusal(error: syn::Error, item: &TokenStream) -> syn::Error {
    let is_trait = |token: TokenTree| matches!(token, TokenTree::Ident(ident) if ident == "trait");
    if item.clone().into_iter().any(is_trait) {
        return error;
    }
    let message = "`#[terrace::component]` goes on a trait; the module that implements it is ordinary Rust";
    syn::Error::new(Span::call_site(), message)
}

/// The trait as it was written, so that its uses add no messages of their own.
fn quietly(mut input: ItemTrait) -> TokenStream {
    for item in &mut input.items {
        if let TraitItem::Fn(method) = item {
            Marks::take(&mut method.attrs, &mut Mistakes::default());
        }
    }
    quote!(#[allow(async_fn_in_trait)] #input)
}

impl Component {
    /// Judges the trait; all its mistakes are reported at once.
    fn read(arguments: TokenStream, input: ItemTrait) -> syn::Result<Component> {
        let mut mistakes = Mistakes::default();
        let options = Options::read(arguments, &mut mistakes);
        refuse_unusual(&input, &mut mistakes);
        let mut methods = Vec::new();
        for item in input.items {
            match item {
                TraitItem::Fn(method) => methods.extend(Method::read(method, &mut mistakes)),
                TraitItem::Const(item) => mistakes.add(
                    &item.ident,
                    "a component has methods only: move the constant out of the trait",
                ),
                TraitItem::Type(item) => {
                    mistakes.add(
                        &item.ident,
                        "a component has methods only: name a concrete type where this one is used",
                    );
                }
                other => mistakes.add(other, "a component has methods only: write the method out"),
            }
        }
        mistakes.into_result()?;
        let ItemTrait { attrs, vis, ident, .. } = input;
        Ok(Component {
            options,
            attributes: attrs,
            visibility: vis,
            ident,
            methods,
        })
    }

    /// The name on the wire.
    pub(crate) fn name(&self) -> String {
        self.options
            .name
            .clone()
            .unwrap_or_else(|| self.ident.unraw().to_string())
    }
}

/// All that a trait may be in Rust and may not be here, but for its methods.
fn refuse_unusual(input: &ItemTrait, mistakes: &mut Mistakes) {
    let name = input.ident.unraw();
    if !input.generics.params.is_empty() {
        let parameters = written(&input.generics.params);
        let message =
            format!("`{name}` is one interface with one name: remove `<{parameters}>` and use concrete types");
        mistakes.add(&input.generics, message);
    }
    if let Some(clause) = &input.generics.where_clause {
        mistakes.add(
            clause,
            format!("`{name}` is one interface with one name: remove the `where` clause"),
        );
    }
    if !input.supertraits.is_empty() {
        let supertraits = written(&input.supertraits);
        let message = format!(
            "`{name}` stands alone: remove `: {supertraits}`; a component is `Send + Sync + 'static` already, and a module that needs another holds a `Ref` to it"
        );
        mistakes.add(&input.supertraits, message);
    }
    if let Some(token) = &input.unsafety {
        mistakes.add(
            token,
            "no caller can promise anything to another process: remove `unsafe`",
        );
    }
    if let Some(token) = &input.modifiers.auto_token {
        mistakes.add(token, "modules implement a component by hand: remove `auto`");
    }
}

/// The doc text of an item: its lines without the space that `///` leaves in front.
pub(crate) fn doc_text(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Ok(pair) = attribute.meta.require_name_value()
            && let syn::Expr::Lit(literal) = &pair.value
            && let syn::Lit::Str(text) = &literal.lit
        {
            let text = text.value();
            lines.extend(
                text.lines()
                    .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_string()),
            );
            if text.is_empty() {
                lines.push(String::new());
            }
        }
    }
    lines.join("\n").trim().to_string()
}
