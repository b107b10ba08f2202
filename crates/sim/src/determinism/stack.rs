//! Finds the user's code on a captured stack.

use std::backtrace::Backtrace;

use super::symbols::Symbols;

/// Crates whose frames are never the user's.
const LANGUAGE: [&str; 6] = ["std", "core", "alloc", "test", "tokio", "sim"];

/// Crates of ours, and of others that only hand a draw on. They are named where there is nobody else.
const PLUMBING: [&str; 10] = [
    "world",
    "component",
    "wire",
    "telemetry",
    "getrandom",
    "rand",
    "rand_core",
    "hashbrown",
    "futures_core",
    "futures_util",
];

/// Parts of the paths of source files that come with the compiler, from a registry or from a repository.
const FOREIGN_FILES: [&str; 3] = ["/rustc/", "/.cargo/registry/", "/.cargo/git/"];

/// Where this crate was when it was built; our others are beside it.
const THIS_CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// A place in the user's code.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) function: Option<String>,
    /// The file, and the line after a colon.
    pub(super) line: Option<String>,
    /// What the function called.
    pub(super) through: Option<String>,
}

/// The frames of a stack, innermost first.
pub(super) struct Stack {
    frames: Vec<Frame>,
}

#[derive(Default)]
struct Frame {
    function: String,
    /// The function that the address is in, where the one above is the last part of a name.
    symbol: Option<String>,
    line: Option<String>,
}

impl Stack {
    /// Looks up the names of the frames: some 100 µs, and the first time the debugging information is read.
    pub(super) fn of(captured: &Backtrace, symbols: &Symbols) -> Stack {
        Stack::read(&format!("{captured:#}"), |address| symbols.name(address))
    }

    /// Reads what a backtrace prints in full: a frame's number, address and function on a line, its file on the next, if
    /// it is known. The name of a function without its path is taken from the symbols.
    fn read(printed: &str, symbol: impl Fn(u64) -> Option<String>) -> Stack {
        let mut frames: Vec<Frame> = Vec::new();
        for text in printed.lines().map(str::trim_start) {
            if let Some(file) = text.strip_prefix("at ") {
                if let Some(frame) = frames.last_mut() {
                    frame.line = Some(without_column(file).to_owned());
                }
            } else if let Some((head, function)) = text.split_once(" - ")
                && let Some((_, address)) = head.split_once("0x")
            {
                let mut frame = Frame {
                    function: simplified(function),
                    ..Frame::default()
                };
                // A call returns to after it, which may be in the next function.
                let address = u64::from_str_radix(address.trim_end(), 16)
                    .unwrap_or(0)
                    .saturating_sub(1);
                if frame.owner().is_none() {
                    frame.symbol = symbol(address).map(|name| simplified(&name));
                }
                frames.push(frame);
            }
        }
        Stack { frames }
    }

    /// Whether a function whose name contains `part` is on the stack.
    pub(super) fn has(&self, part: &str) -> bool {
        let named = |name: &String| name.contains(part);
        self.frames
            .iter()
            .any(|frame| named(&frame.function) || frame.symbol.as_ref().is_some_and(named))
    }

    /// The innermost frame of the user's code, or, where there is none, of ours.
    pub(super) fn place(&self) -> Place {
        let user = self.frames.iter().position(Frame::is_user);
        let Some(at) = user.or_else(|| self.frames.iter().position(Frame::is_above_language)) else {
            return Place::default();
        };
        let frame = &self.frames[at];
        let through = self.frames[..at].iter().rev().find(|inner| inner.owner().is_some());
        Place {
            function: frame.name(),
            line: frame.line.as_deref().map(below_here),
            through: through.map(|inner| inner.function.clone()),
        }
    }
}

impl Frame {
    fn is_user(&self) -> bool {
        match (self.owner(), &self.line) {
            (Some(owner), line) => {
                !LANGUAGE.contains(&owner) && !PLUMBING.contains(&owner) && !line.as_deref().is_some_and(is_foreign)
            }
            // The last part of a name only.
            (None, Some(line)) => line.contains(".rs:") && !is_foreign(line),
            (None, None) => false,
        }
    }

    fn is_above_language(&self) -> bool {
        self.owner().is_some_and(|owner| !LANGUAGE.contains(&owner))
    }

    /// The name, with its path if the symbols have it.
    fn name(&self) -> Option<String> {
        if self.owner().is_some() {
            return Some(self.function.clone());
        }
        let around = self.symbol.clone().map(|function| Frame {
            function,
            ..Frame::default()
        });
        match around.filter(Frame::is_user) {
            Some(around) => Some(around.function),
            // It was inlined into code that is not the user's.
            None => (!self.function.starts_with('{')).then(|| self.function.clone()),
        }
    }

    /// The crate of the function, by its name: `a::b`, `<a::B as c::D>::e`, `<F as c::D>::e`, `<dyn a::B>::c`.
    fn owner(&self) -> Option<&str> {
        let mut name = self.function.as_str();
        loop {
            name = name.trim_start_matches(['<', '&', '(', '[', '*', '\'', ' ']);
            match ["dyn ", "mut ", "const "]
                .iter()
                .find_map(|word| name.strip_prefix(word))
            {
                Some(rest) => name = rest,
                None => break,
            }
        }
        let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
        if name[end..].starts_with("::") {
            return Some(&name[..end]);
        }
        // A type without a path is a generic one: the trait says whose code it is.
        let (_, of_trait) = self.function.split_once(" as ")?;
        of_trait.split_once("::").map(|(owner, _)| owner)
    }
}

/// Whether a source file is not the user's. The tests of our crates are users.
fn is_foreign(line: &str) -> bool {
    let ours = THIS_CRATE
        .strip_suffix("sim")
        .and_then(|crates| line.strip_prefix(crates));
    ours.is_some_and(|file| file.contains("/src/")) || FOREIGN_FILES.iter().any(|part| line.contains(part))
}

/// `a::b` of `a[0123456789abcdef]::b::{{closure}}::{closure#1}::h0123456789abcdef`.
fn simplified(function: &str) -> String {
    let mut name = String::with_capacity(function.len());
    let mut rest = function;
    while let Some((before, after)) = rest.split_once('[') {
        name.push_str(before);
        rest = match after.split_once(']') {
            Some((hash, after)) if is_hash(hash) => after,
            _ => {
                name.push('[');
                after
            }
        };
    }
    name.push_str(rest);
    while let Some((outer, last)) = name.rsplit_once("::")
        && (last.starts_with('{') || last.strip_prefix('h').is_some_and(is_hash))
    {
        name.truncate(outer.len());
    }
    name
}

fn is_hash(text: &str) -> bool {
    text.len() >= 13 && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `src/a.rs:1` of `src/a.rs:1:2`.
fn without_column(file: &str) -> &str {
    match file.rsplit_once(':') {
        Some((line, column)) if line.contains(':') && column.bytes().all(|byte| byte.is_ascii_digit()) => line,
        _ => file,
    }
}

/// A path below the current directory without it.
fn below_here(line: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let below = here
        .to_str()
        .and_then(|here| line.strip_prefix(here)?.strip_prefix('/'));
    below.unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Place, Stack};

    fn place(printed: &str) -> Place {
        let symbol = |address| match address {
            0xff => Some("app::stop::{{closure}}::h0123456789abcdef".to_owned()),
            0x1ff => Some("world::memory::executor::run".to_owned()),
            _ => None,
        };
        Stack::read(printed, symbol).place()
    }

    fn check(printed: &str, function: &str, line: Option<&str>, through: Option<&str>) {
        let expected = Place {
            function: Some(function.to_owned()),
            line: line.map(str::to_owned),
            through: through.map(str::to_owned),
        };
        assert_eq!(place(printed), expected);
    }

    #[test]
    fn the_innermost_frame_of_the_user_is_found_between_the_library_s() {
        check(
            "   0:     0x55d0c8a0 - sim::determinism::run::Run::note
                         at /build/crates/sim/src/determinism/run.rs:80:3
   1:     0x55d0c8a1 - clock_gettime
   2:     0x55d0c8a2 - std[0123456789abcdef]::time::Instant::now
             at /rustc/1/library/std/src/time.rs:1:2
   3:     0x55d0c8a3 - app::tick::{{closure}}::h0123456789abcdef
             at /elsewhere/src/tick.rs:12:34
   4:     0x55d0c8a4 - <core::pin::Pin<P> as core::future::future::Future>::poll
   5:     0x55d0c8a5 - app::main
",
            "app::tick",
            Some("/elsewhere/src/tick.rs:12"),
            Some("std::time::Instant::now"),
        );
    }

    #[test]
    fn a_method_of_a_trait_belongs_to_the_crate_of_its_type() {
        check(
            "0: 0x1 - <&mut alloc::boxed::Box<dyn app::Step> as core::ops::function::FnOnce<()>>::call_once
1: 0x2 - <F as core::future::future::Future>::poll
2: 0x3 - <&dyn app::Step as app::Step>::step::{closure#0}",
            "<&dyn app::Step as app::Step>::step",
            None,
            Some("<F as core::future::future::Future>::poll"),
        );
    }

    #[test]
    fn a_name_without_its_path_is_taken_from_the_symbols() {
        check(
            "0: 0x1 - std::time::Instant::now\n1: 0x100 - {async_fn#0}\n  at /a/src/stop.rs:1:2\n",
            "app::stop",
            Some("/a/src/stop.rs:1"),
            Some("std::time::Instant::now"),
        );
    }

    #[test]
    fn a_function_that_was_inlined_into_ours_is_told_by_its_line() {
        let printed = "0: 0x1 - std::time::Instant::now\n1: 0x200 - {async_fn#0}\n  at /a/src/stop.rs:1:2\n";
        let found = place(printed);
        assert_eq!(
            (found.function, found.line.as_deref()),
            (None, Some("/a/src/stop.rs:1"))
        );
    }

    #[test]
    fn code_of_a_registry_and_our_own_is_passed_over() {
        check(
            "0: 0x1 - getrandom::fill
1: 0x2 - world::random::Random::fill
2: 0x3 - uuid::Uuid::new_v4
     at /home/somebody/.cargo/registry/src/index/uuid-1.0.0/src/v4.rs:3:4
3: 0x4 - app::make",
            "app::make",
            None,
            Some("uuid::Uuid::new_v4"),
        );
    }

    #[test]
    fn without_the_user_on_the_stack_our_own_code_is_named() {
        let printed = "0: 0x1 - std::time::Instant::now\n1: 0x2 - world::time::now\n2: 0x3 - start_thread";
        check(printed, "world::time::now", None, Some("std::time::Instant::now"));
    }

    #[test]
    fn a_stack_without_names_has_no_place() {
        assert_eq!(place("0: 0x1 - <unknown>\n1: 0x2 - <unknown>\n"), Place::default());
    }
}
