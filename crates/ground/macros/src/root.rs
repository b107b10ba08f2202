//! The path before `__macro`: `::terrace`, or what `crate = ".."` says.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::meta::ParseNestedMeta;
use syn::{LitStr, Path};

/// Where emitted code finds what it names: in `__macro` below it, but for the derive `Shape`, which is beside that.
#[derive(Clone)]
pub(crate) struct Root(Path);

impl Default for Root {
    fn default() -> Root {
        Root(syn::parse_quote!(::terrace))
    }
}

impl Root {
    /// Reads the value of `crate = "path"`.
    pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<Root> {
        Root::of(&meta.value()?.parse()?)
    }

    /// The root that `path` names.
    pub(crate) fn of(path: &LitStr) -> syn::Result<Root> {
        path.parse_with(Path::parse_mod_style).map(Root)
    }

    /// The path itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path as the text of an attribute.
    pub(crate) fn text(&self) -> String {
        self.0.to_token_stream().to_string().replace(' ', "")
    }
}

/// `::terrace::__macro`
impl ToTokens for Root {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let path = &self.0;
        tokens.extend(quote!(#path::__macro));
    }
}
