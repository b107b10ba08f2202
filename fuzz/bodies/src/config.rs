//! The reader of `terrace.toml`.

use std::path::Path;

use host::Config;
use host::config::ConfigError;

/// Bytes of the sentence about one mistake, beside what the file says.
const SENTENCE_BYTES_MAX: usize = 4 << 10;

/// A file's text. What is no UTF-8 is refused before it is read.
pub(crate) fn config(data: &[u8]) -> usize {
    let Ok(text) = std::str::from_utf8(data) else {
        return data.len();
    };
    match Config::parse(text, Path::new("terrace.toml")) {
        Ok(config) => {
            for (name, component) in &config.components {
                drop(format!("{name} {component:?}"));
            }
            drop(format!("{config:?}"));
        }
        Err(ConfigError::Invalid { problems }) => {
            assert!(!problems.is_empty(), "it is refused without a reason");
            for problem in problems {
                assert!(problem.starts_with("terrace.toml"), "{problem} names no place");
                assert!(!problem.contains('\n'), "{problem:?} is not one line");
                assert!(
                    problem.len() <= SENTENCE_BYTES_MAX,
                    "a sentence of {} bytes",
                    problem.len()
                );
            }
        }
        Err(error) => panic!("a text was given, not a file: {error}"),
    }
    data.len()
}
