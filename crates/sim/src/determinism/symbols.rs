//! The names of functions, from the symbol table of the program's own file.
//!
//! A backtrace prefers the names in the debugging information, and `debug = "line-tables-only"` leaves there only the
//! last part of a name (`{async_fn#0}`). The symbol table has it in full.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use super::overrides;

/// How large a table may be to be read.
const TABLE_BYTES_MAX: u64 = 256 << 20;

/// A section that holds symbols, and a symbol that is a function (System V ABI, chapters 4 and 5).
const SECTION_OF_SYMBOLS: u32 = 2;
const SYMBOL_OF_A_FUNCTION: u8 = 2;

const SYMBOL_BYTES: usize = 24;

/// The functions of the program, by address.
pub(super) struct Symbols {
    functions: Vec<Function>,
    names: Vec<u8>,
}

struct Function {
    begin: u64,
    end: u64,
    name: usize,
}

impl Symbols {
    /// Reads the table. A program without one, as after `strip`, has no names.
    pub(super) fn read() -> Symbols {
        let found = OpenOptions::new()
            .read(true)
            .open("/proc/self/exe")
            .ok()
            .and_then(|program| table(&program));
        let (symbols, names) = found.unwrap_or_default();
        let functions = symbols.as_chunks::<SYMBOL_BYTES>().0.iter().filter_map(function);
        let mut symbols = Symbols {
            functions: functions.collect(),
            names,
        };
        symbols.load();
        symbols
    }

    /// The name of the function that an address is in.
    pub(super) fn name(&self, address: u64) -> Option<String> {
        let after = self.functions.partition_point(|function| function.begin <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        let inside = address < function.end;
        inside.then(|| format!("{:#}", rustc_demangle::demangle(self.mangled(function))))
    }

    /// Moves the functions to where the program was loaded, which a function that is in both tells.
    fn load(&mut self) {
        let (name, address) = overrides::landmark();
        let landmark = self.functions.iter().find(|function| self.mangled(function) == name);
        let Some(moved) = landmark.map(|function| address.wrapping_sub(function.begin)) else {
            self.functions.clear();
            return;
        };
        for function in &mut self.functions {
            function.begin = function.begin.wrapping_add(moved);
            function.end = function.end.wrapping_add(moved);
        }
        self.functions.sort_by_key(|function| function.begin);
    }

    fn mangled(&self, function: &Function) -> &str {
        let name = self.names.get(function.name..).unwrap_or_default();
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }
}

fn function(symbol: &[u8; SYMBOL_BYTES]) -> Option<Function> {
    let begin = u64::from_ne_bytes(at(symbol, 8)?);
    (symbol[4] & 0xf == SYMBOL_OF_A_FUNCTION && begin > 0).then_some(Function {
        begin,
        end: begin.saturating_add(u64::from_ne_bytes(at(symbol, 16)?)),
        name: usize::try_from(u32::from_ne_bytes(at(symbol, 0)?)).ok()?,
    })
}

/// The symbols, and their names.
fn table(program: &File) -> Option<(Vec<u8>, Vec<u8>)> {
    let header = bytes(program, 0, 64)?;
    let place = u64::from_ne_bytes(at(&header, 0x28)?);
    let size = u16::from_ne_bytes(at(&header, 0x3a)?);
    let count = u16::from_ne_bytes(at(&header, 0x3c)?);
    let sections = bytes(program, place, u64::from(size) * u64::from(count))?;
    let sections: Vec<&[u8]> = sections.chunks_exact(usize::from(size.max(1))).collect();
    let symbols = sections
        .iter()
        .find(|section| at(section, 4).map(u32::from_ne_bytes) == Some(SECTION_OF_SYMBOLS))?;
    let names = sections.get(usize::try_from(u32::from_ne_bytes(at(symbols, 0x28)?)).ok()?)?;
    Some((content(program, symbols)?, content(program, names)?))
}

fn content(program: &File, section: &[u8]) -> Option<Vec<u8>> {
    let place = u64::from_ne_bytes(at(section, 0x18)?);
    bytes(program, place, u64::from_ne_bytes(at(section, 0x20)?))
}

fn bytes(program: &File, place: u64, length: u64) -> Option<Vec<u8>> {
    if length > TABLE_BYTES_MAX {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    program.read_exact_at(&mut bytes, place).ok()?;
    Some(bytes)
}

fn at<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}
