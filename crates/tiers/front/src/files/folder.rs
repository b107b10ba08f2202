//! Files of a folder, as they are when they are asked for.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderValue;
use hyper::body::{Frame, SizeHint};
use world::production::FoundFile;
use world::{Env, Task};

use super::condition::Validators;
use super::{Content, Found, kind};
use crate::problem::Problem;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// For how long after a change another one may leave no trace in a file's time and length (RFC 9110, 8.8.2.2).
const UNSURE_MICROS: i64 = 2_000_000;

#[derive(Debug)]
pub(super) struct Folder {
    env: Env,
    path: PathBuf,
}

/// A file that is open.
pub(super) struct Open {
    env: Env,
    file: FoundFile,
}

impl Folder {
    pub(super) fn new(env: &Env, path: PathBuf) -> Folder {
        Folder { env: env.clone(), path }
    }

    pub(super) async fn find(&self, name: &str) -> Result<Option<Found>, Problem> {
        let (folder, owned) = (self.path.clone(), name.to_owned());
        let finding = self
            .env
            .blocking("front.file", move || FoundFile::find(&folder, &owned));
        let file = match finding.await {
            Ok(Ok(file)) => file,
            Ok(Err(error)) => return refused(name, &error),
            Err(lost) => return Err(Problem::internal(lost)),
        };
        let tag = tag(&file, self.env.wall().as_micros());
        Ok(Some(Found {
            kind: kind::of(name),
            validators: Validators {
                tag,
                modified: file.modified.map(|wall| wall.as_micros().div_euclid(1_000_000)),
            },
            varies: false,
            gzip: false,
            bytes: file.bytes,
            content: Content::Disk(Open {
                env: self.env.clone(),
                file,
            }),
        }))
    }
}

/// Time and length stand for what a file holds, since to read all of it for each request is too much.
fn tag(file: &FoundFile, now: i64) -> HeaderValue {
    let modified = file.modified.map_or(0, |wall| wall.as_micros());
    let sure = file.modified.is_some() && modified < now.saturating_sub(UNSURE_MICROS);
    let weak = if sure { "" } else { "W/" };
    let tag = HeaderValue::try_from(format!("{weak}\"{modified:x}-{:x}\"", file.bytes));
    tag.unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// A name that no file can have, that is a folder's, or that leads out of it, is of no file that is shown.
fn refused(name: &str, error: &io::Error) -> Result<Option<Found>, Problem> {
    use ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    match error.kind() {
        NotFound | NotADirectory | IsADirectory | InvalidInput | InvalidFilename | PermissionDenied => Ok(None),
        _ => Err(Problem::internal(format!("the file `{name}` cannot be read: {error}"))),
    }
}

impl Open {
    /// The bytes `part`, read as they are sent.
    pub(super) fn body(self, part: Range<u64>) -> Body {
        Body::new(Reading {
            env: self.env,
            at: Step::Idle(self.file),
            left: part,
        })
    }
}

struct Reading {
    env: Env,
    at: Step,
    left: Range<u64>,
}

enum Step {
    Idle(FoundFile),
    Busy(Task<(FoundFile, io::Result<Bytes>)>),
    Over,
}

impl hyper::body::Body for Reading {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.at, Step::Over) {
                Step::Over => return Poll::Ready(None),
                Step::Idle(_) if this.left.is_empty() => return Poll::Ready(None),
                Step::Idle(mut file) => {
                    let offset = this.left.start;
                    let left = usize::try_from(this.left.end - offset).unwrap_or(usize::MAX);
                    let bytes_max = left.min(READ_BYTES);
                    this.at = Step::Busy(this.env.blocking("front.file", move || {
                        let read = file.read_at(offset, bytes_max);
                        (file, read)
                    }));
                }
                Step::Busy(mut reading) => {
                    let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
                        this.at = Step::Busy(reading);
                        return Poll::Pending;
                    };
                    let (file, read) = read.map_err(io::Error::other)?;
                    let bytes = read?;
                    if bytes.is_empty() {
                        // The head has told how long it would be.
                        return Poll::Ready(Some(Err(ErrorKind::UnexpectedEof.into())));
                    }
                    this.left.start += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    this.at = Step::Idle(file);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}
