//! What each side says of itself before the first call, and what the caller concludes from it.
//!
//! ```text
//! hello       count varint | count x (length u8, name, hash 16)
//! ```

use bytes::Bytes;

use crate::codec::Codec;
use crate::compatibility::{Side, compare};
use crate::head::put_varint;
use crate::interface::Interface;
use crate::limits::{FRAME_BYTES_MAX, TOKEN_BYTES_MAX};

/// Interfaces one side may state.
pub const INTERFACES_MAX: usize = 512;

/// Bytes of a component's or method's name.
pub const NAME_BYTES_MAX: usize = 100;

const _: () = assert!(
    16 + TOKEN_BYTES_MAX + INTERFACES_MAX * (1 + NAME_BYTES_MAX + 16) <= FRAME_BYTES_MAX,
    "a hello is one frame"
);

/// The interfaces one side knows, each with the hash of its shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Names and hashes, in the order by which calls refer to them.
    pub interfaces: Vec<(String, u128)>,
}

impl Hello {
    /// What is sent.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        put_varint(self.interfaces.len() as u64, &mut out);
        for (name, hash) in &self.interfaces {
            let name = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
            out.push(name.len() as u8);
            out.extend_from_slice(name);
            out.extend_from_slice(&hash.to_le_bytes());
        }
        out.into()
    }

    /// What was received.
    pub fn decode(bytes: &[u8]) -> Result<Hello, HelloError> {
        let (count, mut rest) = count(bytes)?;
        // Each takes 17 bytes at least, so the length of what was received bounds what is reserved.
        let mut interfaces = Vec::with_capacity(count.min(rest.len() / 17));
        for index in 0..count {
            let entry = || HelloError::Entry { index };
            let (&length, after) = rest.split_first().ok_or_else(entry)?;
            let (name, after) = after.split_at_checked(usize::from(length)).ok_or_else(entry)?;
            let (hash, after) = after.split_first_chunk::<16>().ok_or_else(entry)?;
            let name = std::str::from_utf8(name).map_err(|_| entry())?;
            interfaces.push((name.to_string(), u128::from_le_bytes(*hash)));
            rest = after;
        }
        if rest.is_empty() {
            Ok(Hello { interfaces })
        } else {
            Err(HelloError::Rest { bytes: rest.len() })
        }
    }

    /// Where `name` stands, and its hash.
    pub fn find(&self, name: &str) -> Option<(u32, u128)> {
        let index = self.interfaces.iter().position(|(known, _)| known == name)?;
        Some((index as u32, self.interfaces[index].1))
    }

    /// The names, for a sentence.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.interfaces.iter().map(|(name, _)| format!("`{name}`")).collect();
        if names.is_empty() {
            "nothing".to_string()
        } else {
            names.join(", ")
        }
    }
}

fn count(bytes: &[u8]) -> Result<(usize, &[u8]), HelloError> {
    match *bytes {
        [low, ref rest @ ..] if low < 0x80 => Ok((usize::from(low), rest)),
        [low, high, ref rest @ ..] if high < 0x80 => {
            let count = usize::from(low & 0x7f) | usize::from(high) << 7;
            if count > INTERFACES_MAX {
                Err(HelloError::Count)
            } else {
                Ok((count, rest))
            }
        }
        _ => Err(HelloError::Count),
    }
}

/// Why a hello cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// No count, or too many.
    #[error("the hello states no number of interfaces up to {INTERFACES_MAX}")]
    Count,
    /// One is cut or not UTF-8.
    #[error("the hello's interface {index} is cut short or not UTF-8")]
    Entry {
        /// Which one, from 0.
        index: usize,
    },
    /// Something follows.
    #[error("{bytes} bytes follow the hello's last interface")]
    Rest {
        /// How many.
        bytes: usize,
    },
}

/// How a caller speaks to one component of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The component's index at the peer.
    pub component: u32,
    /// For each of the caller's methods, how it is called.
    pub methods: Vec<Option<MethodAgreement>>,
}

/// How one method is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodAgreement {
    /// Its index at the peer.
    pub method: u32,
    /// The codec of its arguments and answers.
    pub codec: Codec,
}

/// What a peer's hello means for a caller of `ours`.
#[derive(Debug)]
pub enum Offer {
    /// The same shape: positional where the shape allows.
    Equal(Agreement),
    /// Another shape: the peer has to be asked for its interface; see [`agree`].
    Different {
        /// The component's index at the peer.
        component: u32,
    },
    /// Not there; the sentence says what is.
    Missing(String),
}

/// Looks for `ours` in what a peer said.
pub fn offer(ours: &Interface, hash: u128, theirs: &Hello) -> Offer {
    match theirs.find(&ours.name) {
        None => Offer::Missing(format!(
            "it does not serve `{}`; it serves {}",
            ours.name,
            theirs.names()
        )),
        Some((component, their_hash)) if their_hash != hash => Offer::Different { component },
        Some((component, _)) => {
            let method = |index: usize| {
                let codec = if ours.opaque(&ours.methods[index]).is_none() {
                    Codec::Positional
                } else {
                    Codec::Tagged
                };
                Some(MethodAgreement {
                    method: index as u32,
                    codec,
                })
            };
            Offer::Equal(Agreement {
                component,
                methods: (0..ours.methods.len()).map(method).collect(),
            })
        }
    }
}

/// Concludes from the interface of a peer that has another shape: tolerant where it can be, or every sentence that says
/// why it cannot.
pub fn agree(ours: &Interface, theirs: &Interface, component: u32) -> Result<Agreement, String> {
    let matches = compare(ours, theirs, Side::Caller);
    let breaking: Vec<&str> = matches
        .iter()
        .flat_map(|found| &found.breaking)
        .map(String::as_str)
        .collect();
    if !breaking.is_empty() {
        return Err(breaking.join("; "));
    }
    let methods = matches.iter().map(|found| {
        found.index.map(|method| MethodAgreement {
            method,
            codec: Codec::Tagged,
        })
    });
    Ok(Agreement {
        component,
        methods: methods.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Hello, HelloError, INTERFACES_MAX};

    #[test]
    fn a_hello_is_read_as_it_was_written() {
        for count in [0, 1, 127, 128, INTERFACES_MAX] {
            let interfaces = (0..count)
                .map(|index| (format!("Component{index}"), index as u128))
                .collect();
            let hello = Hello { interfaces };
            assert_eq!(Hello::decode(&hello.encode()), Ok(hello), "{count}");
        }
    }

    #[test]
    fn a_count_that_lies_is_refused() {
        assert_eq!(Hello::decode(&[5]), Err(HelloError::Entry { index: 0 }));
        assert_eq!(Hello::decode(&[0xff, 0x7f]), Err(HelloError::Count));
        assert_eq!(Hello::decode(&[0, 1]), Err(HelloError::Rest { bytes: 1 }));
    }
}
