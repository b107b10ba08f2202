//! `#[terrace::component(..)]`: what stands in its parentheses.

use proc_macro2::TokenStream;
use syn::LitStr;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::spanned::Spanned;

use crate::marks::{LATER, skip_value, unknown};
use crate::mistakes::Mistakes;
use crate::nearest::{listed, nearest};
use crate::root::Root;

const KNOWN: [&str; 4] = ["owner", "requires", "name", "crate"];

/// The system models by name; a preset may be followed by `+` and the axes that differ.
const PRESETS: [&str; 5] = ["synchronous", "datacentre", "web", "asynchronous", "byzantine(f)"];

/// What is said of the component as a whole.
#[derive(Default)]
pub(crate) struct Options {
    /// The path before `__macro`.
    pub(crate) root: Root,
    /// The team that answers for it.
    pub(crate) owner: Option<String>,
    /// The weakest system model it keeps its promises in.
    pub(crate) requires: Option<String>,
    /// The wire name, where it is not the trait's.
    pub(crate) name: Option<String>,
}

impl Options {
    /// Reads the attribute's arguments.
    pub(crate) fn read(arguments: TokenStream, mistakes: &mut Mistakes) -> Options {
        let mut options = Options::default();
        let parser = syn::meta::parser(|meta| {
            let read = options.take(&meta);
            mistakes.take(read);
            skip_value(&meta)
        });
        let read = parser.parse2(arguments);
        mistakes.take(read);
        options
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let name = meta
            .path
            .get_ident()
            .map(|ident| ident.unraw().to_string())
            .unwrap_or_default();
        let slot = match name.as_str() {
            "crate" => {
                self.root = Root::parse(meta)?;
                return Ok(());
            }
            "owner" => &mut self.owner,
            "requires" => &mut self.requires,
            "name" => &mut self.name,
            later if LATER.contains(&later) => {
                return Err(syn::Error::new(
                    meta.path.span(),
                    format!("`{later}` is not there yet: remove it"),
                ));
            }
            _ => {
                let message = unknown("option", &crate::spelling::written(&meta.path), &KNOWN);
                return Err(syn::Error::new(meta.path.span(), message));
            }
        };
        let quoted = |_| {
            syn::Error::new(
                meta.path.span(),
                format!("`{name}` is a text in quotes: `{name} = \"..\"`"),
            )
        };
        let text: LitStr = meta.value().and_then(|value| value.parse()).map_err(quoted)?;
        if slot.is_some() {
            return Err(syn::Error::new(
                meta.path.span(),
                format!("`{name}` is given twice: keep one"),
            ));
        }
        match name.as_str() {
            "requires" => check_model(&text)?,
            "name" => check_name(&text)?,
            _ if text.value().trim().is_empty() => {
                return Err(syn::Error::new(
                    text.span(),
                    format!("`{name}` is empty: name a team, or leave it out"),
                ));
            }
            _ => {}
        }
        *slot = Some(text.value());
        Ok(())
    }
}

/// The name is a segment of a URL and a key of `terrace.toml`.
fn check_name(text: &LitStr) -> syn::Result<()> {
    let name = text.value();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(allowed) {
        return Ok(());
    }
    let message =
        format!("`{name}` is no wire name: begin with a letter, go on with letters, digits, `_`, `-` and `.`");
    Err(syn::Error::new(text.span(), message))
}

/// Checks the preset's word; the axes are the simulator's to read.
pub(crate) fn check_model(text: &LitStr) -> syn::Result<()> {
    let value = text.value();
    let preset = value.split('+').next().unwrap_or_default().trim();
    let lies = preset
        .strip_prefix("byzantine(")
        .and_then(|rest| rest.strip_suffix(')'));
    if lies.is_some_and(|faulty_max| faulty_max.parse::<u32>().is_ok()) || PRESETS[..4].contains(&preset) {
        return Ok(());
    }
    let meant = match preset.split('(').next() {
        Some("byzantine") => "write how many may lie, as in `byzantine(1)`; ".to_string(),
        _ => nearest(preset, PRESETS)
            .map(|preset| format!("did you mean `{preset}`? "))
            .unwrap_or_default(),
    };
    let message = format!(
        "`{preset}` is no system model; {meant}the models are {}",
        listed(PRESETS)
    );
    Err(syn::Error::new(text.span(), message))
}
