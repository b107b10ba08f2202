//! Pages in `docs/experiments`: what was measured stands between two markers, and pictures beside the page.
#![expect(
    clippy::disallowed_methods,
    reason = "pages are files of the repository, not of a node"
)]

use std::path::Path;
use std::{fs, io};

use crate::measure::Measured;

const BEGIN: &str = "<!-- measured: written by the example `experiments` -->\n";
const END: &str = "<!-- end of measured -->";

/// Replaces the tables and the pictures of a page.
pub(crate) fn write(name: &str, measured: &Measured) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/experiments");
    let page = folder.join(format!("{name}.md"));
    let text = fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| unmarked(&page, BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| unmarked(&page, END))?;
    fs::write(
        &page,
        format!("{before}{BEGIN}\n{}\n{END}{after}", measured.tables.trim_end()),
    )?;
    for (picture, svg) in &measured.pictures {
        fs::write(folder.join(format!("{picture}.svg")), svg)?;
    }
    Ok(())
}

fn unmarked(page: &Path, marker: &str) -> io::Error {
    io::Error::other(format!(
        "{} has no line `{}`; add it",
        page.display(),
        marker.trim_end()
    ))
}
