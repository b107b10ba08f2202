//! The body of an answer, unpacked while it is read: what is small when it is packed may be large when it is not.

use std::io::{self, Write};

use axum::http::{HeaderMap, Response, header};
use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::exchange::unreachable;
use super::{Answer, BODY_BYTES_MAX, Refusal};

/// Takes bytes up to the limit.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > BODY_BYTES_MAX {
            self.is_full = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Unpacking {
    Plain(Bounded),
    Gzip(MultiGzDecoder<Bounded>),
    Deflate(ZlibDecoder<Bounded>),
}

impl Unpacking {
    fn of(headers: &HeaderMap) -> Result<Unpacking, Refusal> {
        let coding = headers
            .get(header::CONTENT_ENCODING)
            .map(|coding| coding.to_str().unwrap_or("?"));
        match coding.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Unpacking::Plain(Bounded::default())),
            "gzip" | "x-gzip" => Ok(Unpacking::Gzip(MultiGzDecoder::new(Bounded::default()))),
            "deflate" => Ok(Unpacking::Deflate(ZlibDecoder::new(Bounded::default()))),
            other => Err(Refusal::Packed(format!(
                "`{}` is not known here",
                other.escape_default()
            ))),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let written = match self {
            Unpacking::Plain(into) => into.write_all(bytes),
            Unpacking::Gzip(into) => into.write_all(bytes),
            Unpacking::Deflate(into) => into.write_all(bytes),
        };
        let is_full = match self {
            Unpacking::Plain(into) => into.is_full,
            Unpacking::Gzip(into) => into.get_ref().is_full,
            Unpacking::Deflate(into) => into.get_ref().is_full,
        };
        written.map_err(|error| if is_full { Refusal::TooLarge } else { packed(&error) })
    }

    fn end(self) -> Result<Vec<u8>, Refusal> {
        let ended = match self {
            Unpacking::Plain(bounded) => Ok(bounded),
            // Ends with what it still holds, which may be too much.
            Unpacking::Gzip(into) => into.finish(),
            Unpacking::Deflate(into) => into.finish(),
        };
        match ended {
            Ok(bounded) => Ok(bounded.bytes),
            Err(error) if error.kind() == io::ErrorKind::Other => Err(Refusal::TooLarge),
            Err(error) => Err(packed(&error)),
        }
    }
}

fn packed(error: &io::Error) -> Refusal {
    Refusal::Packed(error.to_string())
}

/// All of the answer, or why it is none.
pub(super) async fn read(answer: Response<Incoming>) -> Result<Answer, Refusal> {
    let (head, mut body) = answer.into_parts();
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(Refusal::TooLarge);
    }
    let mut unpacking = Unpacking::of(&head.headers)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreachable(format!("it breaks off: {error}")))?;
        if let Some(bytes) = frame.data_ref() {
            unpacking.take(bytes)?;
        }
    }
    // A body that has no bytes is no gzip either, and none is meant.
    let body = match (&unpacking, head.status.as_u16()) {
        (_, 204 | 304) => Vec::new(),
        _ => unpacking.end()?,
    };
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: Bytes::from(body),
    })
}
