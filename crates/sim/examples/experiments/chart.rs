//! A chart of shares: one bar for each row, of the parts that make a whole.

use std::fmt::Write;

/// A part of every bar.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
}

const LEFT: f64 = 190.0;
const WIDTH: f64 = 420.0;
const RIGHT: f64 = 20.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;
const TOP: f64 = 66.0;

/// Draws `rows`, each with its shares of the `parts`, which add up to 1. A share is written where there is room for it.
pub(crate) fn shares(title: &str, parts: &[Part], rows: &[(String, Vec<f64>)]) -> String {
    let (width, height) = (LEFT + WIDTH + RIGHT, TOP + STEP * rows.len() as f64 + 14.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"24\" font-size=\"14\" font-weight=\"600\" fill=\"#111\">{title}</text>\n"
    );
    for (index, part) in parts.iter().enumerate() {
        let x = LEFT + index as f64 * WIDTH / parts.len() as f64;
        let (colour, name) = (part.colour, part.name);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"48\" fill=\"#111\">{name}</text>",
            x + 17.0
        );
    }
    for (index, (name, shares)) in rows.iter().enumerate() {
        bar(&mut svg, TOP + STEP * index as f64, name, parts, shares);
    }
    svg + "</svg>\n"
}

fn bar(svg: &mut String, y: f64, name: &str, parts: &[Part], shares: &[f64]) {
    /// A narrower part has no room for its number.
    const LABEL_WIDTH: f64 = 42.0;
    let middle = y + BAR - 5.0;
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#111\">{name}</text>",
        LEFT - 10.0
    );
    let mut x = LEFT;
    for (part, share) in parts.iter().zip(shares) {
        let (long, colour) = (share * WIDTH, part.colour);
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{long:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>"
        );
        if long >= LABEL_WIDTH {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{middle}\" text-anchor=\"middle\" fill=\"#fff\">{:.1} %</text>",
                x + long / 2.0,
                share * 100.0
            );
        }
        x += long;
    }
}
