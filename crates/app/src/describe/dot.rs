//! `describe --dot`: the call graph for Graphviz. Components stand in a box for each owner, in the owner's colour.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use host::{ComponentDescription, Description};

/// Colours of owners, light enough for text: the scheme `pastel19` of ColorBrewer, without grey.
const COLOURS: [&str; 8] = [
    "#b3cde3", "#ccebc5", "#decbe4", "#fed9a6", "#fbb4ae", "#ffffcc", "#e5d8bd", "#fddaec",
];

pub(crate) fn graph(application: &str, description: &Description) -> String {
    let mut text = format!("digraph {} {{\n", quoted(application));
    text.push_str("  rankdir=LR;\n  node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\"];\n");
    let mut owners: BTreeMap<&str, Vec<&ComponentDescription>> = BTreeMap::new();
    for component in &description.components {
        let owner = component.owner.as_deref().unwrap_or_default();
        owners.entry(owner).or_default().push(component);
    }
    for (number, (owner, components)) in owners.iter().enumerate() {
        let inner: String = components.iter().map(|component| node(component)).collect();
        if owner.is_empty() {
            text.push_str(&inner);
            continue;
        }
        let colour = COLOURS[number % COLOURS.len()];
        let (cluster, label) = (quoted(&format!("cluster_{number}")), quoted(owner));
        text.push_str(&format!(
            "  subgraph {cluster} {{\n  label={label}; style=\"rounded,filled\"; color={0};\n{inner}  }}\n",
            quoted(colour)
        ));
    }
    let known: BTreeSet<&str> = description
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    for (names, shape) in [(&description.fronts, "house"), (&description.background, "component")] {
        for name in names.iter().filter(|name| !known.contains(name.as_str())) {
            let _ = writeln!(text, "  {} [shape={shape}];", quoted(name));
        }
    }
    for edge in &description.calls {
        let _ = writeln!(text, "  {} -> {};", quoted(&edge.caller), quoted(&edge.callee));
    }
    text.push_str("}\n");
    text
}

/// One component: its name, and where it runs.
fn node(component: &ComponentDescription) -> String {
    let label = format!("{}\n{}", component.name, super::runs(component));
    let style = match (component.at.as_ref().or(component.external.as_ref()), &component.module) {
        (Some(_), _) => ", style=\"filled,dashed\"",
        (None, None) => ", style=\"filled,dotted\"",
        _ => "",
    };
    format!("  {} [label={}{style}];\n", quoted(&component.name), quoted(&label))
}

/// A string as Graphviz reads it.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}
