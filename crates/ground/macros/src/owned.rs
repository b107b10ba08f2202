//! What to write instead of a borrow.

use quote::ToTokens;
use syn::{Type, TypeReference};

/// The owned type for a reference, in backquotes.
pub(crate) fn instead_of(reference: &TypeReference) -> String {
    let owned = match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => "String".to_string(),
        Type::Slice(slice) => format!("Vec<{}>", written(&*slice.elem)),
        other => written(other),
    };
    format!("`{owned}`")
}

/// A type as a person would write it.
pub(crate) fn written(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}
