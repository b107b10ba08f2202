//! What `describe` prints.

mod docs;
mod dot;
mod openapi;

use std::io::Write as _;
use std::path::Path;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use host::config::Configured;
use host::{ComponentDescription, Description};
use serde::Serialize;
use wire::Method;
use wire::release::FORMAT;
use world::production::NewFile;

use crate::command_line::Describe;
use crate::console::Console;
use crate::failure::CommandError;
use crate::simulate;

/// The description as JSON, with who is described.
#[derive(Serialize)]
struct Document<'d> {
    format: u32,
    application: &'d str,
    version: &'d str,
    #[serde(flatten)]
    description: &'d Description,
}

/// Prints or writes what was asked for of an application that is open.
pub(crate) fn run(
    (application, version): (&'static str, &str),
    description: &Description,
    asked: Describe,
    json: bool,
    console: &Console,
) -> Result<(), CommandError> {
    match &asked {
        Describe::OpenApi => {
            let document = openapi::document(application, version, description);
            console.text(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        Describe::Dot => console.text(&dot::graph(application, description))?,
        Describe::Docs { folder } => {
            for (name, page) in docs::pages(application, version, description) {
                let path = folder.join(name);
                let written = write(&path, &page);
                written.map_err(|error| {
                    format!("cannot write `{}`: {error}; name a folder of your own", path.display())
                })?;
            }
        }
        Describe::Application { .. } if json => {
            let document = self::json(application, version, description)?;
            console.text(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        Describe::Application { .. } => console.text(&tables(application, version, description))?,
        // They need no application that is open.
        Describe::Configuration | Describe::Models => {}
    }
    if let Describe::Application { model: Some(model) } = asked {
        console.note(&simulate::weaker(application, description, &model)?);
    }
    Ok(())
}

fn write(path: &Path, page: &str) -> std::io::Result<()> {
    world::production::remove_file(path)?;
    let mut file = NewFile::create(path)?;
    file.write_all(page.as_bytes())?;
    file.finish()
}

/// The description as JSON: also what a release is compared by.
pub(crate) fn json(
    application: &str,
    version: &str,
    description: &Description,
) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(Document {
        format: FORMAT,
        application,
        version,
        description,
    })
}

/// What is configured, and where each value comes from.
pub(crate) fn configuration(configured: &[Configured], json: bool) -> Result<String, serde_json::Error> {
    if json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(configured)?));
    }
    let mut table = table(["key", "value", "origin"]);
    for Configured { key, value, origin } in configured {
        table.add_row([key, value, origin]);
    }
    Ok(printed(&table))
}

fn tables(application: &str, version: &str, description: &Description) -> String {
    let mut text = format!("{application} {version}\n\n");
    let mut table = table(["component", "owner", "requires", "runs", "method", "marks", "codec"]);
    for component in &description.components {
        let first = [
            component.name.clone(),
            component.owner.clone().unwrap_or_else(|| "-".to_owned()),
            component.requires.clone().unwrap_or_else(|| "-".to_owned()),
            runs(component),
        ];
        let mut first = Some(first);
        for method in &component.methods {
            let codec = match &method.because {
                Some(because) => format!("{} ({because})", method.codec),
                None => method.codec.to_owned(),
            };
            let mut row = first.take().unwrap_or_default().to_vec();
            row.extend([method.signature.clone(), method.marks.join(", "), codec]);
            table.add_row(row);
        }
        if let Some(first) = first {
            table.add_row(first);
        }
    }
    text.push_str(&printed(&table));
    if !description.background.is_empty() {
        text.push_str(&format!("\nin the background: {}\n", description.background.join(", ")));
    }
    if !description.fronts.is_empty() {
        text.push_str(&format!("\nserves people: {}\n", description.fronts.join(", ")));
    }
    let mut calls = self::table(["caller", "callee"]);
    for edge in &description.calls {
        calls.add_row([&edge.caller, &edge.callee]);
    }
    text.push('\n');
    text.push_str(&printed(&calls));
    text
}

/// The marks of a method, in words.
fn marks_of<'c>(component: &'c ComponentDescription, method: &Method) -> &'c [String] {
    let found = component.methods.iter().find(|described| described.name == method.name);
    found.map_or(&[], |described| &described.marks)
}

/// Which module runs, or where.
fn runs(component: &ComponentDescription) -> String {
    if let Some(at) = &component.at {
        return format!("at {at}");
    }
    if let Some(program) = &component.external {
        return format!("external: {program}");
    }
    let Some(module) = &component.module else {
        return "nowhere".to_owned();
    };
    let others: Vec<&str> = component
        .modules
        .iter()
        .map(String::as_str)
        .filter(|other| other != module)
        .collect();
    match others.as_slice() {
        [] => module.clone(),
        others => format!("{module} (not {})", others.join(", ")),
    }
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(head);
    table
}

/// A table without the spaces that fill its last column.
fn printed(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
