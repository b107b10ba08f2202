//! `describe --docs FOLDER`: a page for each component from its doc comments, and one that leads to them. Plain HTML, which
//! needs no script and asks no other machine.

use std::fmt::Write as _;

use host::{ComponentDescription, Description};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}\
    code,pre{font-family:monospace;background:#f4f4f4}pre{padding:.5rem;overflow-x:auto}\
    h2{border-top:1px solid #ccc;padding-top:1rem}small{color:#555}";

/// The pages: a name of a file, and what is in it.
pub(crate) fn pages(application: &str, version: &str, description: &Description) -> Vec<(String, String)> {
    let mut index = format!(
        "<h1>{} <small>{}</small></h1>\n<ul>\n",
        escaped(application),
        escaped(version)
    );
    for component in &description.components {
        let name = escaped(&component.name);
        let about = escaped(&first_sentence(&component.interface.doc));
        let _ = writeln!(index, "<li><a href=\"{name}.html\">{name}</a> {about}</li>");
    }
    index.push_str("</ul>\n");
    for (what, names) in [
        ("Serves people", &description.fronts),
        ("In the background", &description.background),
    ] {
        if !names.is_empty() {
            let _ = writeln!(index, "<p>{what}: {}.</p>", escaped(&names.join(", ")));
        }
    }
    let mut pages = vec![("index.html".to_owned(), page(application, &index))];
    for component in &description.components {
        let body = component_page(component, description);
        pages.push((format!("{}.html", component.name), page(&component.name, &body)));
    }
    pages
}

fn component_page(component: &ComponentDescription, description: &Description) -> String {
    let mut body = format!(
        "<p><a href=\"index.html\">All components</a></p>\n<h1>{}</h1>\n",
        escaped(&component.name)
    );
    if let Some(owner) = &component.owner {
        let _ = writeln!(body, "<p><small>Answered for by {}.</small></p>", escaped(owner));
    }
    body.push_str(&paragraphs(&component.interface.doc));
    let callers = description
        .calls
        .iter()
        .filter(|edge| edge.callee == component.name)
        .map(|edge| edge.caller.as_str());
    let callees = description
        .calls
        .iter()
        .filter(|edge| edge.caller == component.name)
        .map(|edge| edge.callee.as_str());
    for (what, names) in [("Called by", callers.collect::<Vec<_>>()), ("Calls", callees.collect())] {
        if !names.is_empty() {
            let _ = writeln!(body, "<p>{what}: {}.</p>", escaped(&names.join(", ")));
        }
    }
    for (method, described) in component.interface.methods.iter().zip(&component.methods) {
        let (name, signature) = (escaped(&method.name), escaped(&described.signature));
        let _ = writeln!(body, "<h2 id=\"{name}\">{name}</h2>\n<pre>{signature}</pre>");
        if !described.marks.is_empty() {
            let _ = writeln!(body, "<p><small>{}</small></p>", escaped(&described.marks.join(", ")));
        }
        body.push_str(&paragraphs(&method.doc));
    }
    body
}

fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}</html>\n"
    )
}

/// Doc text as paragraphs, with what stands in backticks as code.
fn paragraphs(doc: &str) -> String {
    let paragraphs = doc
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty());
    let code = |paragraph: &str| {
        let parts = paragraph.split('`').enumerate();
        parts
            .map(|(number, part)| match number % 2 {
                0 => escaped(part),
                _ => format!("<code>{}</code>", escaped(part)),
            })
            .collect::<String>()
    };
    paragraphs
        .map(|paragraph| format!("<p>{}</p>\n", code(paragraph)))
        .collect()
}

/// The first sentence of doc text, in one line.
pub(super) fn first_sentence(doc: &str) -> String {
    let first = doc.trim().split("\n\n").next().unwrap_or_default();
    let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.find(". ") {
        Some(end) => line[..=end].to_owned(),
        None => line,
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
