//! Those who call: over frames, and over HTTP by hyper's client. Each notes how every call of theirs ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use component::Channel;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use terrace::{CallErrorKind, Component, Cx, Env, ErrorCode, Ref};
use wire::{Codec, Limits};
use world::{ByteStream, Random};

use crate::journal::{Ended, Entry, Journal, Outcome, Receipt, SERVER, Shared, TOKEN};

/// Calls that a caller over frames has at once.
const FRAME_LANES: usize = 3;
/// Connections of a caller over HTTP.
const HTTP_LANES: usize = 2;
const BIG_BYTES: usize = 300 << 10;
/// The time that an HTTP client gives one request, sending and reading included.
const HTTP_PATIENCE: Duration = Duration::from_secs(8);

/// Why an HTTP client has no answer.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// How far a run is; whoever drives it says.
#[derive(Clone, Default)]
pub(crate) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// Nothing strikes any more, but what was struck may not have noticed: calls are few and may fail. Before it, they are
    /// many.
    pub(crate) const SETTLING: u8 = 1;
    /// All is healed, and calls have to succeed.
    pub(crate) const HEALED: u8 = 2;
    /// No call begins any more.
    pub(crate) const OVER: u8 = 3;

    pub(crate) fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }

    pub(crate) fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// What a lane of calls needs.
#[derive(Clone)]
struct Lane {
    env: Env,
    shared: Shared,
    phase: Phase,
    name: String,
}

/// One call, drawn.
struct Drawn {
    entry: Entry,
    bytes: usize,
    is_repeatable: bool,
    within: Duration,
}

/// Calls over frames until the run is over.
pub(crate) async fn call_over_frames(env: Env, shared: Shared, phase: Phase) -> turmoil::Result {
    let channel = Channel::new(&env, SERVER.into(), <dyn Journal>::declared(), Limits::default());
    let journal: Ref<dyn Journal> = Ref::remote("caller", channel);
    let mut lanes = Vec::new();
    for _ in 0..FRAME_LANES {
        let (lane, journal) = (Lane::new(&env, &shared, &phase), journal.clone());
        lanes.push(env.spawn("lane", lane.over_frames(journal)));
    }
    for lane in lanes {
        lane.await?;
    }
    Ok(())
}

/// Calls over HTTP until the run is over.
pub(crate) async fn call_over_http(env: Env, shared: Shared, phase: Phase) -> turmoil::Result {
    let mut lanes = Vec::new();
    for _ in 0..HTTP_LANES {
        let lane = Lane::new(&env, &shared, &phase);
        lanes.push(env.spawn("lane", lane.over_http()));
    }
    for lane in lanes {
        lane.await?;
    }
    Ok(())
}

impl Lane {
    fn new(env: &Env, shared: &Shared, phase: &Phase) -> Lane {
        Lane {
            env: env.clone(),
            shared: shared.clone(),
            phase: phase.clone(),
            name: env.node().to_string(),
        }
    }

    async fn pause(&self, random: &mut Random) {
        let longest_ms = if self.phase.is(Phase::SETTLING) { 2_000 } else { 120 };
        self.env.sleep(Duration::from_millis(random.below(longest_ms))).await;
    }

    /// Most calls are small and quick, some long, some slow, some in a hurry.
    fn draw(&self, random: &mut Random) -> Drawn {
        let bytes = if random.below(12) == 0 {
            BIG_BYTES
        } else {
            random.below(200) as usize
        };
        let wait_ms = if random.below(3) == 0 { random.below(1_500) } else { 0 };
        let within_ms = [300, 1_000, 4_000][random.below(3) as usize];
        let is_repeatable = random.below(2) == 0;
        // Once all is healed there is no reason to fail.
        let healed = self.phase.is(Phase::HEALED);
        Drawn {
            entry: self.shared.entry(if healed { 0 } else { wait_ms }, bytes),
            bytes,
            is_repeatable,
            within: Duration::from_millis(if healed { 4_000 } else { within_ms }),
        }
    }

    async fn over_frames(self, journal: Ref<dyn Journal>) {
        let mut random = self.env.random("lane");
        while !self.phase.is(Phase::OVER) {
            self.pause(&mut random).await;
            let Drawn {
                entry,
                bytes,
                is_repeatable,
                within,
            } = self.draw(&mut random);
            let (number, began, healed) = (entry.number, self.env.now(), self.phase.is(Phase::HEALED));
            let cx = Cx::root(&self.env).within(within);
            let answer = if is_repeatable {
                journal.write_repeatably(&cx, entry).await
            } else {
                journal.write(&cx, entry).await
            };
            let ended = match answer {
                Ok(receipt) => {
                    self.shared.check_receipt(number, bytes, &receipt);
                    Ended::Answered
                }
                Err(failure) => {
                    let error = failure.into_inner();
                    Ended::Failed {
                        kind: error.kind(),
                        certainly_did_not_run: error.certainly_did_not_run(),
                        message: error.message().to_string(),
                    }
                }
            };
            self.note(number, is_repeatable, within, began, ended, healed);
        }
    }

    fn note(
        &self,
        number: u64,
        is_repeatable: bool,
        within: Duration,
        began: world::Instant,
        ended: Ended,
        healed: bool,
    ) {
        let mut book = self.shared.book();
        if healed && ended != Ended::Answered {
            book.violations
                .push(format!("call {number} failed on a healed network: {ended:?}"));
        }
        book.outcomes.push(Outcome {
            caller: self.name.clone(),
            number,
            is_repeatable,
            within,
            took: self.env.now().saturating_duration_since(began),
            ended,
        });
    }

    async fn over_http(self) {
        let mut random = self.env.random("lane");
        let mut sender = None;
        while !self.phase.is(Phase::OVER) {
            self.pause(&mut random).await;
            let drawn = self.draw(&mut random);
            let (number, began, healed) = (drawn.entry.number, self.env.now(), self.phase.is(Phase::HEALED));
            let key = random.u64();
            let mut ended = self.ask_in_time(&mut sender, &drawn, key).await;
            if drawn.is_repeatable && matches!(ended, Ended::Broke(_)) {
                // What has a key may be asked again.
                ended = self.ask_in_time(&mut sender, &drawn, key).await;
            }
            self.note(number, drawn.is_repeatable, HTTP_PATIENCE * 2, began, ended, healed);
        }
    }

    async fn ask_in_time(&self, sender: &mut Option<SendRequest<Full<Bytes>>>, drawn: &Drawn, key: u64) -> Ended {
        match self.env.timeout(HTTP_PATIENCE, self.ask(sender, drawn, key)).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => {
                *sender = None;
                Ended::Broke(error.to_string())
            }
            Err(elapsed) => {
                *sender = None;
                Ended::Broke(elapsed.to_string())
            }
        }
    }

    async fn ask(
        &self,
        sender: &mut Option<SendRequest<Full<Bytes>>>,
        drawn: &Drawn,
        key: u64,
    ) -> Result<Ended, Trouble> {
        let open = match sender.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.open().await?,
        };
        let open = sender.insert(open);
        open.ready().await?;
        let answer = open.send_request(request(drawn, key)?).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        self.read(drawn, &Response::from_parts(parts, ()), &body)
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, Trouble> {
        let stream = self.env.network().connect(&SERVER.into()).await?;
        let io = TokioIo::new(ByteStream::new(stream, Bytes::new()));
        let (sender, connection) = http1::handshake(io).await?;
        drop(self.env.spawn("connection of an HTTP client", async move {
            // Whoever waits for an answer on it hears of it.
            drop(connection.await);
        }));
        Ok(sender)
    }

    /// Holds an answer to the face's table.
    fn read(&self, drawn: &Drawn, answer: &Response<()>, body: &[u8]) -> Result<Ended, Trouble> {
        let number = drawn.entry.number;
        let status = answer.status().as_u16();
        let kind = answer.headers().get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind != "application/json") {
            self.violated(format!("call {number}: status {status} came with type {kind:?}"));
        }
        if status == 200 {
            match wire::decode::<Receipt>(Codec::Json, body, &Limits::default()) {
                Ok(receipt) => self.shared.check_receipt(number, drawn.bytes, &receipt),
                Err(error) => self.violated(format!("call {number}: no receipt came: {error}")),
            }
            return Ok(Ended::Answered);
        }
        let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let code = said["code"].as_str().unwrap_or_default();
        let known = ErrorCode::ALL.iter().find(|known| known.name_and_status().0 == code);
        // The one status that is not its code's own: a body that came too late.
        let in_table = known.is_some_and(|known| known.name_and_status().1 == status || status == 408);
        let ran = answer.headers().get("terrace-ran").map(|ran| ran.as_bytes());
        if !in_table || !matches!(ran, Some(b"no" | b"maybe")) {
            self.violated(format!("call {number}: status {status}, ran {ran:?}, code `{code}`"));
        }
        let kind = match code {
            "deadline_exceeded" => CallErrorKind::DeadlineExceeded,
            _ => CallErrorKind::Unavailable,
        };
        Ok(Ended::Failed {
            kind,
            certainly_did_not_run: ran == Some(b"no"),
            message: said["message"].as_str().unwrap_or_default().to_string(),
        })
    }

    fn violated(&self, violation: String) {
        self.shared.book().violations.push(violation);
    }
}

fn request(drawn: &Drawn, key: u64) -> Result<Request<Full<Bytes>>, Trouble> {
    let method = if drawn.is_repeatable {
        "write_repeatably"
    } else {
        "write"
    };
    let body = serde_json::to_vec(&serde_json::json!({ "entry": drawn.entry }))?;
    let mut request = Request::post(format!("/Journal/{method}"))
        .header(header::HOST, "server")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("connect-timeout-ms", drawn.within.as_millis().to_string());
    if drawn.is_repeatable {
        request = request.header("idempotency-key", key.to_string());
    }
    Ok(request.body(Full::new(body.into()))?)
}
