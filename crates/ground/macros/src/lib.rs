//! The procedural macros of Terrace, all re-exported by the face crate: [`macro@component`] for a trait that is called
//! where its module runs, [`macro@data`] for what such calls carry, and [`derive@Shape`], of which `data` is made.
//!
//! The life of an attribute: tokens → parsed and judged (`options`, `marks`, `method`, `component`; `serde_attributes`,
//! `data`) → emitted (`expand`, `shape`). All mistakes that are seen in the text are collected and reported together,
//! each as a sentence with the fix. Everything emitted names `::terrace::__macro::..` and nothing else, so a user's crate
//! depends on `terrace` alone; `crate = ".."` puts another path before `__macro`.
//!
//! What this crate is not: it never looks at types, only at how they are written. Whether a type can cross is decided by
//! the trait `Shape`.

use proc_macro::TokenStream;

mod casing;
mod data;
mod error_code;
mod mistakes;
mod nearest;
mod owned;
mod root;
mod serde_attributes;
mod shape;

/// Makes a struct or an enum data that crosses between components.
///
/// It derives `Shape`, `Clone`, `Debug`, `PartialEq`, `Serialize` and `Deserialize`, but not those that a `#[derive(..)]`
/// below it already names; `Eq`, `Ord` and `Hash` are yours to add. Write it above `#[derive(..)]`. A type that implements
/// one of these by hand derives the others by hand too: `#[derive(terrace::Shape, ..)]`.
///
/// `#[error(code = "not_found")]` on a case of an error gives its code on the HTTP face; `thiserror`'s own
/// `#[error("..")]` may stand beside it. A case without a code that holds one value has the code of that value, which is
/// how a `CallError` inside keeps its own.
///
/// Types with lifetimes, references and unions do not cross.
#[proc_macro_attribute]
pub fn data(arguments: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(arguments.into(), item.into()).into()
}

/// Derives `Shape`: what serde writes for the type, down to primitives.
///
/// Serde's attributes are honoured. A type with an attribute whose form only serde's own code knows (`flatten`,
/// `untagged`, `tag`, `skip`, `with`, `from` and their like) has an opaque shape: it crosses by the tagged codec.
/// `#[shape(code = "not_found")]` is the code on the HTTP face, where `#[terrace::data]` says `#[error(code = ..)]`.
#[proc_macro_derive(Shape, attributes(shape, serde))]
pub fn shape(item: TokenStream) -> TokenStream {
    shape::expand(item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
