//! What `#[serde(..)]` says about one container, case or field, as far as it decides what crosses.

use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, LitStr, Token};

use crate::casing::Casing;

/// The attributes that matter to a shape.
#[derive(Default)]
pub(crate) struct SerdeAttributes {
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<Casing>,
    pub(crate) rename_all_fields: Option<Casing>,
    pub(crate) default: bool,
    pub(crate) deny_unknown_fields: bool,
    pub(crate) transparent: bool,
    /// A case without data may be written as null.
    pub(crate) untagged: bool,
    /// A case as which unknown ones are read.
    pub(crate) other: bool,
    /// The first attribute whose form only serde's own code knows.
    pub(crate) opaque: Option<String>,
    /// What crosses is not the type that is written here, so that type may lack a `Shape`.
    pub(crate) replaced: bool,
}

/// Attributes that leave the form as it is.
const HARMLESS: [&str; 4] = ["alias", "bound", "crate", "expecting"];

/// Attributes by which something else crosses than the type that carries them.
const REPLACING: [&str; 11] = [
    "deserialize_with",
    "from",
    "getter",
    "into",
    "remote",
    "serialize_with",
    "skip",
    "skip_deserializing",
    "skip_serializing",
    "try_from",
    "with",
];

impl SerdeAttributes {
    /// Reads every `#[serde(..)]` of the list.
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<SerdeAttributes> {
        let mut read = SerdeAttributes::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| read.take(&meta))?;
        }
        Ok(read)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let name = meta
            .path
            .get_ident()
            .map(|ident| ident.unraw().to_string())
            .unwrap_or_default();
        let value = Value::read(meta)?;
        match name.as_str() {
            "rename" => self.rename = self.both_ways(&name, value),
            "rename_all" => self.rename_all = self.both_ways(&name, value).and_then(|rule| Casing::from_name(&rule)),
            "rename_all_fields" => {
                self.rename_all_fields = self.both_ways(&name, value).and_then(|rule| Casing::from_name(&rule));
            }
            "default" => self.default = true,
            "deny_unknown_fields" => self.deny_unknown_fields = true,
            "transparent" => self.transparent = true,
            "other" => self.other = true,
            harmless if HARMLESS.contains(&harmless) => {}
            _ => {
                // One that is not known here may change the form too.
                self.replaced |= REPLACING.contains(&name.as_str());
                self.untagged |= name == "untagged";
                self.opaque.get_or_insert(name);
            }
        }
        Ok(())
    }

    /// A name that is written and read alike; else the data is opaque.
    fn both_ways(&mut self, attribute: &str, value: Value) -> Option<String> {
        match value {
            Value::None => None,
            Value::Text(text) => Some(text),
            Value::Ways {
                serialize: Some(written),
                deserialize: Some(read),
            } if written == read => Some(written),
            Value::Ways { .. } => {
                self.opaque
                    .get_or_insert(format!("{attribute}(serialize = .., deserialize = ..)"));
                None
            }
        }
    }
}

/// What follows an attribute's name.
enum Value {
    /// Nothing that names anything.
    None,
    /// `= ".."`
    Text(String),
    /// `(serialize = "..", deserialize = "..")`
    Ways {
        serialize: Option<String>,
        deserialize: Option<String>,
    },
}

impl Value {
    fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Value> {
        if meta.input.peek(Token![=]) {
            let value = meta.value()?;
            if value.peek(LitStr) {
                return Ok(Value::Text(value.parse::<LitStr>()?.value()));
            }
            value.parse::<Expr>()?;
            return Ok(Value::None);
        }
        if !meta.input.peek(syn::token::Paren) {
            return Ok(Value::None);
        }
        let (mut serialize, mut deserialize) = (None, None);
        meta.parse_nested_meta(|way| {
            if let Value::Text(text) = Value::read(&way)? {
                if way.path.is_ident("serialize") {
                    serialize = Some(text);
                } else if way.path.is_ident("deserialize") {
                    deserialize = Some(text);
                }
            }
            Ok(())
        })?;
        Ok(Value::Ways { serialize, deserialize })
    }
}
