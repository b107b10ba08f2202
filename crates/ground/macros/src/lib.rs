//! The procedural macros of Terrace, all re-exported by the face crate: [`macro@component`] for a trait that is called
//! where its module runs, [`macro@data`] for what such calls carry, and [`derive@Shape`], of which `data` is made; and
//! for a component's database [`derive@Row`] and [`migrations!`](macro@migrations).
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
mod component;
mod data;
mod error_code;
mod expand;
mod files;
mod folder;
mod marks;
mod method;
mod migrations;
mod mistakes;
mod nearest;
mod options;
mod root;
mod row;
mod serde_attributes;
mod shape;
mod simulate;
mod spelling;

/// Makes a trait a component: it is called where its module runs, in this process or over the wire.
///
/// | option | meaning |
/// |---|---|
/// | `owner = "lists-team"` | the team that answers for it |
/// | `requires = "datacentre"` | the weakest system model it keeps its promises in |
/// | `name = "Todos"` | the wire name, where it is not the trait's |
///
/// | mark, in `#[call(..)]` on a method | meaning |
/// |---|---|
/// | `read` | changes nothing; may be repeated |
/// | `idempotent` | harmless twice by nature |
/// | `once` | its effects happen once, by the record of `once` |
/// | none of these | at most once: never repeated after *may have run* |
/// | `key = owner` | calls with the same argument prefer the same replica |
/// | `deadline = "30s"` | an upper bound on top of the caller's |
///
/// Each method is `async fn name(&self, cx: &Cx, ..) -> Result<T, E>`, where what crosses is owned and has a `Shape`, and
/// `E` has `From<CallError>`. A module implements it with ordinary `async fn`s. A body in the trait is what runs where a
/// module does not write its own.
///
/// A function that takes any implementation takes `&impl Todos`, or a `Ref<dyn Todos>`; `&dyn Todos` cannot be called.
/// When a method is missing, rustc's help shows `fn .. -> impl Future`, which the trait became: write `async fn`.
#[proc_macro_attribute]
pub fn component(arguments: TokenStream, item: TokenStream) -> TokenStream {
    component::expand(arguments.into(), item.into()).into()
}

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
/// `#[other]` on the last case of an enum, one without data: cases of newer builds are read as it, so they are safe to add.
///
/// Types with lifetimes, references and unions do not cross.
#[proc_macro_attribute]
pub fn data(arguments: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(arguments.into(), item.into()).into()
}

#[doc = include_str!("simulate.md")]
#[proc_macro_attribute]
pub fn simulate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    simulate::expand(arguments.into(), item.into()).into()
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

/// Makes a struct what a query answers: each field is a column of its name.
///
/// `#[row(column = "..")]` on a field reads another column. A column that is missing, or that holds something else than the
/// field, is an error that names both. The order of the columns does not matter, and columns without a field are left.
/// Each field's type has `FromValue`, as numbers, texts, `Option`s of them and `Json<T>` have.
#[proc_macro_derive(Row, attributes(row))]
pub fn row(item: TokenStream) -> TokenStream {
    let expanded = row::expand(item.into());
    expanded.unwrap_or_else(|error| error.into_compile_error()).into()
}

#[doc = include_str!("migrations.md")]
#[proc_macro]
pub fn migrations(input: TokenStream) -> TokenStream {
    migrations::expand(input.into()).into()
}

#[doc = include_str!("files.md")]
#[proc_macro]
pub fn files(input: TokenStream) -> TokenStream {
    files::expand(input.into()).into()
}
