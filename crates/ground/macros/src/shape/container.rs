//! A struct or an enum with all that serde's attributes and ours say about it.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Field, Fields, LitStr, Member, Variant};

use crate::casing::Casing;
use crate::root::Root;
use crate::serde_attributes::SerdeAttributes;

/// The whole item.
pub(super) struct Container<'i> {
    pub(super) root: Root,
    /// The name serde knows it by.
    pub(super) name: String,
    pub(super) serde: SerdeAttributes,
    /// Why only serde knows the form, if that is so.
    pub(super) opaque: Option<String>,
    pub(super) content: Content<'i>,
    /// The code of a struct; an enum has one per case.
    pub(super) code: Option<Ident>,
}

/// What it consists of.
pub(super) enum Content<'i> {
    Struct(Holding<'i>),
    Enum(Vec<Case<'i>>),
}

/// One case of an enum.
pub(super) struct Case<'i> {
    pub(super) ident: &'i Ident,
    pub(super) name: String,
    pub(super) holding: Holding<'i>,
    pub(super) code: Option<Ident>,
    /// What crosses is not what is written in this case.
    pub(super) replaced: bool,
    /// Cases that are not known are read as this one.
    pub(super) other: bool,
}

/// The fields of a struct or of a case.
pub(super) struct Holding<'i> {
    fields: &'i Fields,
    pub(super) crossing: Vec<Crossing<'i>>,
}

/// One field.
pub(super) struct Crossing<'i> {
    pub(super) field: &'i Field,
    pub(super) member: Member,
    pub(super) name: String,
    pub(super) serde: SerdeAttributes,
}

impl<'i> Container<'i> {
    /// Reads the item and its attributes.
    pub(super) fn read(input: &'i DeriveInput) -> syn::Result<Container<'i>> {
        let serde = SerdeAttributes::read(&input.attrs)?;
        let ours = Ours::read(&input.attrs)?;
        let mut reason = Reason {
            place: input.ident.unraw().to_string(),
            found: None,
        };
        reason.look(&serde, &[]);
        let content = match &input.data {
            Data::Struct(data) => Content::Struct(Holding::read(&data.fields, serde.rename_all, &[], &mut reason)?),
            Data::Enum(data) => {
                if let Some(code) = &ours.code {
                    return Err(syn::Error::new(
                        code.span(),
                        "an enum has a code per case: move it to the cases",
                    ));
                }
                let cases = data
                    .variants
                    .iter()
                    .map(|variant| Case::read(variant, &serde, &mut reason));
                Content::Enum(cases.collect::<syn::Result<Vec<_>>>()?)
            }
            // Refused before, with the sentence that says why.
            Data::Union(data) => return Err(syn::Error::new(data.union_token.span, "a union cannot cross")),
        };
        let name = serde.rename.clone().unwrap_or_else(|| input.ident.unraw().to_string());
        Ok(Container {
            root: ours.root,
            name,
            serde,
            opaque: reason.found,
            content,
            code: ours.code,
        })
    }
}

impl<'i> Case<'i> {
    fn read(variant: &'i Variant, container: &SerdeAttributes, reason: &mut Reason) -> syn::Result<Case<'i>> {
        let serde = SerdeAttributes::read(&variant.attrs)?;
        let written = variant.ident.unraw().to_string();
        reason.look(&serde, &[&written]);
        let casing = serde.rename_all.or(container.rename_all_fields);
        let holding = Holding::read(&variant.fields, casing, &[&written], reason)?;
        let name = match (&serde.rename, container.rename_all) {
            (Some(name), _) => name.clone(),
            (None, Some(casing)) => casing.of_case(&written),
            (None, None) => written,
        };
        let code = Ours::read(&variant.attrs)?.code;
        Ok(Case {
            ident: &variant.ident,
            name,
            holding,
            code,
            replaced: serde.replaced,
            other: serde.other,
        })
    }
}

impl<'i> Holding<'i> {
    fn read(
        fields: &'i Fields,
        casing: Option<Casing>,
        inside: &[&str],
        reason: &mut Reason,
    ) -> syn::Result<Holding<'i>> {
        let mut crossing = Vec::new();
        for (field, member) in fields.iter().zip(fields.members()) {
            let serde = SerdeAttributes::read(&field.attrs)?;
            let written = match &member {
                Member::Named(ident) => ident.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            reason.look(&serde, &[inside, &[&written]].concat());
            let name = match (&serde.rename, casing) {
                (Some(name), _) => name.clone(),
                (None, Some(casing)) => casing.of_field(&written),
                (None, None) => written,
            };
            crossing.push(Crossing {
                field,
                member,
                name,
                serde,
            });
        }
        Ok(Holding { fields, crossing })
    }

    /// Written without braces or parentheses.
    pub(super) fn is_unit(&self) -> bool {
        matches!(self.fields, Fields::Unit)
    }

    /// Written with braces.
    pub(super) fn is_named(&self) -> bool {
        matches!(self.fields, Fields::Named(_))
    }
}

/// Looks for the first attribute, in the order in which they are written, whose form only serde's own code knows.
struct Reason {
    place: String,
    found: Option<String>,
}

impl Reason {
    fn look(&mut self, serde: &SerdeAttributes, inside: &[&str]) {
        if let (None, Some(attribute)) = (&self.found, &serde.opaque) {
            let place = [&[self.place.as_str()], inside].concat().join(".");
            self.found = Some(format!(
                "`{place}` has `#[serde({attribute})]`, whose form only serde knows"
            ));
        }
    }
}

/// What `#[shape(..)]` says.
#[derive(Default)]
struct Ours {
    root: Root,
    code: Option<Ident>,
}

impl Ours {
    fn read(attributes: &[Attribute]) -> syn::Result<Ours> {
        let mut read = Ours::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("shape")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    read.root = Root::parse(&meta)?;
                } else if meta.path.is_ident("code") {
                    read.code = Some(crate::error_code::parse(&meta.value()?.parse::<LitStr>()?)?);
                } else {
                    return Err(meta.error("only `code = \"..\"` is known here"));
                }
                Ok(())
            })?;
        }
        Ok(read)
    }
}
