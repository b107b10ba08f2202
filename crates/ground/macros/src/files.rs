//! `files!("static")`: the files of a folder and of those below it, in the program.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser as _;

use crate::folder::{self, Arguments};
use crate::root::Root;

const FORM: &str = "write the folder beside `Cargo.toml`: `files!(\"static\")`";

/// Folders below one another; a link to a folder above would have no end.
const DEPTH_MAX: usize = 16;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let arguments = match Arguments::read(FORM).parse2(input) {
        Ok(arguments) => arguments,
        Err(error) => return error.into_compile_error(),
    };
    let folder = arguments.folder.value();
    let folder = folder.trim_end_matches('/');
    let mut names = Vec::new();
    let mut mistakes = Vec::new();
    gather(folder, "", 0, &mut names, &mut mistakes);
    if names.is_empty() && mistakes.is_empty() {
        mistakes.push(format!("the folder `{folder}` has no file: put one there"));
    }
    if mistakes.is_empty() {
        return emit(&arguments.root, folder, &names);
    }
    let told = mistakes.into_iter();
    told.map(|mistake| syn::Error::new(arguments.folder.span(), mistake).into_compile_error())
        .collect()
}

/// The names of the files in `folder`, each with `prefix`, in order.
fn gather(folder: &str, prefix: &str, depth: usize, names: &mut Vec<String>, mistakes: &mut Vec<String>) {
    if depth > DEPTH_MAX {
        mistakes.push(format!(
            "`{folder}` is more than {DEPTH_MAX} folders deep: is it a link to one above?"
        ));
        return;
    }
    let entries = match folder::list(folder, FORM) {
        Ok(entries) => entries,
        Err(found) => return mistakes.extend(found),
    };
    for entry in entries {
        let name = format!("{prefix}{}", entry.name);
        if name.contains([char::REPLACEMENT_CHARACTER, '\\']) {
            mistakes.push(format!(
                "`{folder}/{}` has no name that an address can have: call it otherwise",
                entry.name
            ));
        } else if entry.is_folder {
            gather(
                &format!("{folder}/{}", entry.name),
                &format!("{name}/"),
                depth + 1,
                names,
                mistakes,
            );
        } else {
            names.push(name);
        }
    }
}

/// `include_bytes!`, so that a file that changes is a reason to build again.
fn emit(root: &Root, folder: &str, names: &[String]) -> TokenStream {
    let files = names.iter().map(|name| {
        let path = format!("/{folder}/{name}");
        quote! {
            #root::front::File {
                name: #name,
                bytes: ::core::include_bytes!(
                    ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)
                ),
            }
        }
    });
    quote!({
        const FILES: &[#root::front::File] = &[#(#files),*];
        FILES
    })
}
