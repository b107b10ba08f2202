//! The mistakes of one item, reported together.

use std::fmt::Display;

use quote::ToTokens;

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Mistakes(Option<syn::Error>);

impl Mistakes {
    /// Notes a mistake in `tokens`, all of which are underlined.
    pub(crate) fn add(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.note(syn::Error::new_spanned(tokens, message));
    }

    /// Notes an error that is already made.
    pub(crate) fn note(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(mistakes) => mistakes.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value of `result`, or its error noted.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.note(error)).ok()
    }

    /// An error if any mistake was noted.
    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
