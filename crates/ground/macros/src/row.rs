//! `derive(Row)`: a struct made of a row, a field for each column.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Fields, LitStr, Type};

use crate::marks::unknown;
use crate::mistakes::Mistakes;
use crate::root::Root;
use crate::spelling::{instead_of, written};

const FORM: &str = "a row becomes a struct whose fields have names: write `struct Todo { id: i64, title: String }`";

/// The impl of `FromRow` for the item.
pub(crate) fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let mut mistakes = Mistakes::default();
    let root = root_of(&input, &mut mistakes);
    if !input.generics.params.is_empty() {
        let message =
            "a row becomes one type that owns what it holds: remove the parameters, or write `impl FromRow` by hand";
        mistakes.add(&input.generics, message);
    }
    let columns = columns_of(&input, &mut mistakes);
    refuse_doubles(&columns, &mut mistakes);
    mistakes.into_result()?;
    Ok(emit(&root, &input.ident, &columns))
}

/// One field and where it comes from.
struct Column<'i> {
    field: &'i Ident,
    ty: &'i Type,
    name: LitStr,
}

fn emit(root: &Root, item: &Ident, columns: &[Column<'_>]) -> TokenStream {
    let fields = columns.iter().map(|column| {
        let Column { field, ty, name } = column;
        let place = format!("{}.{}", item.unraw(), field.unraw());
        // The type's place in the source is where rustc shows that no column becomes it.
        let taken = quote_spanned!(ty.span()=> row.take_for::<#ty>(#name, #place)?);
        quote!(#field: #taken)
    });
    quote! {
        #[automatically_derived]
        impl #root::database::FromRow for #item {
            fn from_row(
                row: &mut #root::database::Row,
            ) -> ::core::result::Result<Self, #root::database::Error> {
                ::core::result::Result::Ok(#item { #(#fields),* })
            }
        }
    }
}

/// `#[row(crate = "..")]` on the struct.
fn root_of(input: &DeriveInput, mistakes: &mut Mistakes) -> Root {
    let mut root = Root::default();
    for attribute in ours(&input.attrs) {
        let read = attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error(unknown("option", &written(&meta.path), &["crate"])));
            }
            root = Root::parse(&meta)?;
            Ok(())
        });
        mistakes.take(read);
    }
    root
}

fn columns_of<'i>(input: &'i DeriveInput, mistakes: &mut Mistakes) -> Vec<Column<'i>> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => &fields.named,
            Fields::Named(_) | Fields::Unit => {
                mistakes.add(&input.ident, format!("no column becomes anything here: {FORM}"));
                return Vec::new();
            }
            Fields::Unnamed(fields) => {
                mistakes.add(fields, format!("{FORM}, or ask for a tuple, which needs no derive"));
                return Vec::new();
            }
        },
        Data::Enum(data) => {
            mistakes.add(data.enum_token, FORM);
            return Vec::new();
        }
        Data::Union(data) => {
            mistakes.add(data.union_token, FORM);
            return Vec::new();
        }
    };
    fields.iter().filter_map(|field| column_of(field, mistakes)).collect()
}

fn column_of<'i>(field: &'i Field, mistakes: &mut Mistakes) -> Option<Column<'i>> {
    let ident = field.ident.as_ref()?;
    if let Type::Reference(reference) = &field.ty {
        let owned = instead_of(reference);
        mistakes.add(reference, format!("what is read from a row is owned: hold {owned}"));
    }
    let mut named: Option<LitStr> = None;
    for attribute in ours(&field.attrs) {
        let read = attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("column") {
                return Err(meta.error(unknown("option", &written(&meta.path), &["column"])));
            }
            let quoted = |_| meta.error("`column` is a text in quotes: `column = \"id\"`");
            let name: LitStr = meta.value().and_then(|value| value.parse()).map_err(quoted)?;
            if name.value().is_empty() {
                return Err(syn::Error::new(
                    name.span(),
                    "the column has no name: write one, or leave it out",
                ));
            }
            if named.is_some() {
                return Err(meta.error("`column` is given twice: keep one"));
            }
            named = Some(name);
            Ok(())
        });
        mistakes.take(read);
    }
    let name = named.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    Some(Column {
        field: ident,
        ty: &field.ty,
        name,
    })
}

/// A value is taken out of its row, so that a second field would find nothing.
fn refuse_doubles(columns: &[Column<'_>], mistakes: &mut Mistakes) {
    for (index, column) in columns.iter().enumerate() {
        let name = column.name.value();
        if let Some(first) = columns[..index].iter().find(|first| first.name.value() == name) {
            let message = format!("`{}` reads the column `{name}` already: name another one", first.field);
            mistakes.add(column.field, message);
        }
    }
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("row"))
}
