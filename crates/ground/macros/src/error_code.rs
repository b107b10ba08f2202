//! The codes that a case of an error may have on the HTTP face: those of the Connect protocol.

use proc_macro2::Ident;
use syn::LitStr;

use crate::nearest::{listed, nearest};

const CODES: [(&str, &str); 16] = [
    ("canceled", "Canceled"),
    ("unknown", "Unknown"),
    ("invalid_argument", "InvalidArgument"),
    ("deadline_exceeded", "DeadlineExceeded"),
    ("not_found", "NotFound"),
    ("already_exists", "AlreadyExists"),
    ("permission_denied", "PermissionDenied"),
    ("resource_exhausted", "ResourceExhausted"),
    ("failed_precondition", "FailedPrecondition"),
    ("aborted", "Aborted"),
    ("out_of_range", "OutOfRange"),
    ("unimplemented", "Unimplemented"),
    ("internal", "Internal"),
    ("unavailable", "Unavailable"),
    ("data_loss", "DataLoss"),
    ("unauthenticated", "Unauthenticated"),
];

/// The case of `ErrorCode` that the text names.
pub(crate) fn parse(text: &LitStr) -> syn::Result<Ident> {
    let name = text.value();
    if let Some((_, case)) = CODES.iter().find(|(code, _)| *code == name) {
        return Ok(Ident::new(case, text.span()));
    }
    let codes = || CODES.iter().map(|(code, _)| *code);
    let meant = nearest(&name, codes())
        .map(|code| format!("did you mean `{code}`? "))
        .unwrap_or_default();
    Err(syn::Error::new(
        text.span(),
        format!("`{name}` is no error code; {meant}the codes are {}", listed(codes())),
    ))
}
