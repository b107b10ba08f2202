//! Reading a request's body within the limits of one body and of all that arrive at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::failure::Failure;
use super::limits::FaceLimits;
use crate::error::ErrorCode;

/// Bytes of bodies on one connection that have arrived in part.
#[derive(Debug, Default)]
pub(crate) struct Arriving(AtomicUsize);

/// One body's part of [`Arriving`].
struct Share<'a> {
    arriving: &'a Arriving,
    bytes: usize,
}

impl Arriving {
    /// The whole of `body`, within `limits`.
    pub(crate) async fn read(&self, body: &mut Incoming, limits: &FaceLimits) -> Result<Vec<u8>, Failure> {
        // What is announced is refused early, but reserved only as it arrives: announcing costs the peer nothing.
        if body.size_hint().lower() > limits.request_bytes_max as u64 {
            return Err(too_large(limits.request_bytes_max));
        }
        let mut share = Share {
            arriving: self,
            bytes: 0,
        };
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                let message = format!("the body cannot be read: {error}; send it whole");
                Failure::new(ErrorCode::InvalidArgument, message)
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > limits.request_bytes_max - whole.len() {
                return Err(too_large(limits.request_bytes_max));
            }
            share.grow(data.len(), limits.arriving_bytes_max)?;
            whole.extend_from_slice(&data);
        }
        Ok(whole)
    }
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize, bytes_max: usize) -> Result<(), Failure> {
        let before = self.arriving.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes <= bytes_max {
            return Ok(());
        }
        let message = format!(
            "more than {bytes_max} bytes of bodies arrive on this connection at once; send fewer requests at once"
        );
        Err(Failure::new(ErrorCode::ResourceExhausted, message))
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.arriving.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn too_large(bytes_max: usize) -> Failure {
    let message =
        format!("the body is larger than {bytes_max} bytes; send less, or raise the face's `request_bytes_max`");
    Failure::new(ErrorCode::ResourceExhausted, message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
}
