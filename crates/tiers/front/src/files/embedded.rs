//! Files that are in the program.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::condition::Validators;
use super::{Content, File, Found, kind};
use crate::compress;

/// Bytes of a digest that stand for a file: 96 bits, of which no two files of a program are alike.
const VERSION_BYTES: usize = 12;

#[derive(Debug)]
pub(super) struct Embedded {
    files: BTreeMap<&'static str, Entry>,
}

#[derive(Debug)]
struct Entry {
    bytes: &'static [u8],
    /// The digest, as addresses and tags have it.
    version: String,
    kind: HeaderValue,
    /// Made when it is first asked for, so that no start waits for it; `None` where it is not worth it.
    gzip: OnceLock<Option<Bytes>>,
}

impl Embedded {
    pub(super) fn new(files: &'static [File]) -> Embedded {
        let entry = |file: &File| {
            let digest = Sha256::digest(file.bytes);
            let entry = Entry {
                bytes: file.bytes,
                version: URL_SAFE_NO_PAD.encode(&digest[..VERSION_BYTES]),
                kind: kind::of(file.name),
                gzip: OnceLock::new(),
            };
            (file.name, entry)
        };
        Embedded {
            files: files.iter().map(entry).collect(),
        }
    }

    pub(super) fn version(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|entry| &*entry.version)
    }

    pub(super) fn find(&self, name: &str, gzip: bool) -> Option<Found> {
        let entry = self.files.get(name)?;
        let varies = compress::is_text(&entry.kind) && entry.bytes.len() >= compress::BYTES_MIN;
        let packed = if gzip && varies { entry.gzip() } else { None };
        let is_packed = packed.is_some();
        let content = packed.unwrap_or(Bytes::from_static(entry.bytes));
        Some(Found {
            kind: entry.kind.clone(),
            validators: Validators {
                tag: entry.tag(is_packed),
                modified: None,
            },
            varies,
            gzip: is_packed,
            bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            content: Content::Here(content),
        })
    }
}

impl Entry {
    fn gzip(&self) -> Option<Bytes> {
        let packed = self.gzip.get_or_init(|| {
            let packed = compress::gzip(self.bytes);
            (packed.len() < self.bytes.len()).then(|| Bytes::from(packed))
        });
        packed.clone()
    }

    /// Strong, and so another one for other bytes (RFC 9110, 8.8.3.3).
    fn tag(&self, gzip: bool) -> HeaderValue {
        let form = if gzip { "-gzip" } else { "" };
        let tag = HeaderValue::try_from(format!("\"{}{form}\"", self.version));
        // Letters of base64url may stand in a header.
        tag.unwrap_or(HeaderValue::from_static("W/\"\""))
    }
}
