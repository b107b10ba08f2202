//! What can be told of a type from its spelling alone: that it borrows, streams, or has no one form.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Type, TypeReference};

use crate::mistakes::Mistakes;

/// Notes what can be told from the spelling of one of `what`, which is "arguments", "results" or "errors"; the rest is the
/// trait `Shape`'s.
pub(crate) fn refuse_what_cannot_cross(ty: &Type, what: &str, mistakes: &mut Mistakes) {
    if let Some(message) = stream_message(ty) {
        return mistakes.add(ty, message);
    }
    let words = Words::of(ty);
    if let Type::Reference(reference) = ty {
        let verb = if what == "arguments" { "take" } else { "return" };
        let owned = instead_of(reference);
        mistakes.add(ty, format!("{verb} {owned}: {what} that cross are owned"));
    } else if words.has("impl") {
        let written = written(ty);
        mistakes.add(
            ty,
            format!("{what} have one form on the wire: name a concrete type instead of `{written}`"),
        );
    } else if words.has("&") || words.lifetime {
        mistakes.add(ty, format!("`{}` borrows: {what} that cross are owned", written(ty)));
    } else if words.has("Self") {
        mistakes.add(ty, "`Self` is the module, which never crosses: name a type that does");
    }
}

/// What to say of a type that streams.
pub(crate) fn stream_message(ty: &Type) -> Option<&'static str> {
    let words = Words::of(ty);
    let streams = words.has("Stream") || words.has("BoxStream");
    streams.then_some("streams are not there yet: return a `Vec`, or page")
}

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
        (" : ", ": "),
        ("& ", "&"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

/// The words of a type, however deep they stand.
#[derive(Default)]
struct Words {
    words: Vec<String>,
    /// Whether there is a lifetime other than `'static`.
    lifetime: bool,
}

impl Words {
    fn of(ty: &Type) -> Words {
        let mut words = Words::default();
        words.collect(ty.to_token_stream());
        words
    }

    fn collect(&mut self, tokens: TokenStream) {
        let mut tick = false;
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.collect(group.stream()),
                TokenTree::Ident(ident) if tick => self.lifetime |= ident != "static",
                TokenTree::Ident(ident) => self.words.push(ident.to_string()),
                TokenTree::Punct(ref punct) => {
                    if punct.as_char() == '&' {
                        self.words.push("&".to_string());
                    }
                    tick = punct.as_char() == '\'';
                    continue;
                }
                TokenTree::Literal(_) => {}
            }
            tick = false;
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }
}
