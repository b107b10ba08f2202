//! A ledger's file: each line is an entry together with the record of the call that made it, so that both are there or
//! neither is. A line counts once it was synced; what a crash has left of an unsynced one is cut off at the next start.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use terrace::once::{Begun, Keeper};
use terrace::{BoxFuture, CallError, CallErrorKind, CallId, Env, File, buggify, sometimes};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

use super::{ACCOUNTS, BankError, Change, Entry, Order, Told};

/// Bytes of a ledger's file that are read at the start.
const BOOK_BYTES_MAX: usize = 64 << 20;

const NAME: &str = "book";

/// What a slow disk takes for half a line.
const SLOW: Duration = Duration::from_millis(500);

/// The entries of a ledger and the calls that made them.
pub(super) struct Book {
    env: Env,
    file: Arc<dyn File>,
    /// A test-only slip: the record is written, and not looked at.
    forgets: bool,
    told: Told,
    state: Mutex<State>,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
    settled: Notify,
}

#[derive(Default)]
struct State {
    balances: BTreeMap<String, u64>,
    lines: Vec<Line>,
    answers: BTreeMap<u128, Vec<u8>>,
    /// Claimed calls, with their entry once there is one.
    claimed: BTreeMap<u128, Option<Staged>>,
    /// Why nothing is written any more.
    broken: Option<String>,
}

/// An entry that is not on the disk yet.
#[derive(Clone)]
struct Staged {
    order: Order,
    change: Change,
}

/// A line of the file.
#[derive(Clone, Serialize, Deserialize)]
struct Line {
    /// The call's id, in hexadecimal digits.
    id: String,
    /// What the call answered.
    answer: Vec<u8>,
    number: u64,
    account: String,
    amount: u64,
}

impl Book {
    pub(super) async fn open(env: &Env, deposit: u64, forgets: bool, told: Told) -> io::Result<Book> {
        let disk = env.disk();
        let file = match disk.open(NAME).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = disk.create(NAME).await?;
                disk.sync_dir("").await?;
                file
            }
            Err(error) => return Err(error),
        };
        let bytes = file.read_at(0, BOOK_BYTES_MAX).await?;
        let (lines, whole) = whole_lines(&bytes);
        if whole < bytes.len() {
            sometimes!(env, true, "a torn line was cut off");
        }
        file.truncate(whole as u64).await?;
        file.sync().await?;
        let mut state = State {
            balances: ACCOUNTS
                .iter()
                .map(|account| ((*account).to_owned(), deposit))
                .collect(),
            ..State::default()
        };
        for line in lines {
            let change = if deposit > 0 { Change::Out } else { Change::In };
            state.apply(&line.account, line.amount, change);
            if let Ok(id) = u128::from_str_radix(&line.id, 16) {
                state.answers.insert(id, line.answer.clone());
            }
            state.lines.push(line);
        }
        Ok(Book {
            env: env.clone(),
            file,
            forgets,
            told,
            state: Mutex::new(state),
            writing: tokio::sync::Mutex::new(()),
            settled: Notify::new(),
        })
    }

    /// Every entry that is on the disk.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.state().lines.iter().map(Line::entry).collect()
    }

    /// Makes an entry for the claimed call `id`, which counts once the call is finished.
    pub(super) fn stage(&self, id: CallId, order: Order, change: Change) -> Result<u64, BankError> {
        let mut state = self.state();
        let balance = state.balances.get(&order.account).copied().unwrap_or_default();
        if !state.apply(&order.account, order.amount, change) {
            let amount = order.amount;
            return Err(BankError::Insufficient { balance, amount });
        }
        let after = state.balances[&order.account];
        state.claimed.insert(id.0, Some(Staged { order, change }));
        Ok(after)
    }

    /// Writes the line of a finished call.
    async fn write(&self, line: &Line) -> io::Result<()> {
        let _one = self.writing.lock().await;
        let json = serde_json::to_string(line)?;
        let text = format!("{:016x} {json}\n", xxh3_64(json.as_bytes()));
        let mut text = Bytes::from(text);
        if buggify!(self.env, "a slow disk") {
            // It takes the line in two parts, and a crash may come between them.
            let part = text.split_to(text.len() / 2);
            self.file.append(part).await?;
            self.env.sleep(SLOW).await;
        }
        self.file.append(text).await?;
        self.file.sync().await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn entry(&self) -> Entry {
        Entry {
            number: self.number,
            call: self.id.clone(),
            amount: self.amount,
        }
    }
}

impl State {
    /// Whether the balance allows it; then it is changed.
    fn apply(&mut self, account: &str, amount: u64, change: Change) -> bool {
        let balance = self.balances.entry(account.to_owned()).or_default();
        let after = match change {
            Change::In => balance.checked_add(amount),
            Change::Out => balance.checked_sub(amount),
        };
        if let Some(after) = after {
            *balance = after;
        }
        after.is_some()
    }
}

impl Keeper for Book {
    fn begin<'a>(&'a self, id: CallId, _: &'a str, _: u128) -> BoxFuture<'a, Result<Begun, CallError>> {
        Box::pin(async move {
            let mut state = self.state();
            if let Some(why) = &state.broken {
                let why = format!("the ledger was not written before, and takes no more until it is restarted: {why}");
                return Err(CallError::not_run(CallErrorKind::Unavailable, why));
            }
            if state.claimed.contains_key(&id.0) {
                sometimes!(self.env, true, "a call was repeated while it ran");
                return Ok(Begun::InFlight);
            }
            let answer = state.answers.get(&id.0).filter(|_| !self.forgets).cloned();
            if let Some(answer) = answer {
                sometimes!(self.env, true, "a repeated call got the recorded answer");
                return Ok(Begun::Answer(answer.into()));
            }
            state.claimed.insert(id.0, None);
            Ok(Begun::Fresh)
        })
    }

    fn finish<'a>(&'a self, id: CallId, _: &'a str, answer: Option<Bytes>) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let staged = self.state().claimed.get(&id.0).cloned().flatten();
            let mut finished = Ok(());
            if let Some(Staged { order, change }) = staged {
                let line = answer.map(|answer| Line {
                    id: format!("{:032x}", id.0),
                    answer: answer.to_vec(),
                    number: order.number,
                    account: order.account.clone(),
                    amount: order.amount,
                });
                let written = match &line {
                    Some(line) => self.write(line).await,
                    None => Ok(()),
                };
                if let (Some(line), Ok(())) = (&line, &written) {
                    (self.told)(&self.env, &line.entry());
                }
                let mut state = self.state();
                match (line, written) {
                    (Some(line), Ok(())) => {
                        state.answers.insert(id.0, line.answer.clone());
                        state.lines.push(line);
                    }
                    (_, written) => {
                        let back = if change == Change::In { Change::Out } else { Change::In };
                        state.apply(&order.account, order.amount, back);
                        if let Err(error) = written {
                            // Whether the line is on the disk is known only at the next start.
                            state.broken = Some(error.to_string());
                            finished = Err(CallError::maybe_run(CallErrorKind::Unavailable, error.to_string()));
                        }
                    }
                }
            }
            self.state().claimed.remove(&id.0);
            self.settled.notify_waiters();
            finished
        })
    }

    fn settled<'a>(&'a self, id: CallId, _: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            loop {
                let settled = self.settled.notified();
                let mut settled = std::pin::pin!(settled);
                settled.as_mut().enable();
                if !self.state().claimed.contains_key(&id.0) {
                    return;
                }
                settled.await;
            }
        })
    }
}

/// The lines whose sum is right, and the bytes they take.
fn whole_lines(bytes: &[u8]) -> (Vec<Line>, usize) {
    let (mut lines, mut whole) = (Vec::new(), 0);
    for text in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = read_line(text) else { break };
        whole += text.len();
        lines.push(line);
    }
    (lines, whole)
}

fn read_line(text: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(text.strip_suffix(b"\n")?).ok()?;
    let (sum, json) = text.split_once(' ')?;
    let right = u64::from_str_radix(sum, 16).ok()? == xxh3_64(json.as_bytes());
    right.then(|| serde_json::from_str(json).ok()).flatten()
}
