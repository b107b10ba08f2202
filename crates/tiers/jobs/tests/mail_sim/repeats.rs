//! Why a message came again: each repeat belongs to a fault that struck between the server's answer and our commit of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jobs::mail::{Accepted, Carrier, Rendered, SendError, Smtp};
use sim::World;
use sim::fault::{Fault, Struck};
use world::{BoxFuture, Env};

use crate::server::Copy;
use crate::{office, server};

/// What the office's attempts were told. It is kept outside the world, and no promise is held by it.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<Vec<Attempt>>>);

/// One attempt to send a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// When it began, by true time: what was known of the message before was read then.
    begun: Duration,
    /// When it was told what, if it lived to hear it.
    told: Option<(Duration, Told)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The server has it.
    Accepted,
    /// The server has it not.
    NotSent,
    /// The answer was lost.
    Unknown,
}

/// Why a message came again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    AnswerLost,
    ServerCrashed,
    OfficeCrashed,
    LeaseLost,
}

impl Cause {
    /// What the campaign counts it as.
    pub(crate) fn counted(self) -> &'static str {
        match self {
            Cause::AnswerLost => "repeats: answer lost",
            Cause::ServerCrashed => "repeats: server crashed",
            Cause::OfficeCrashed => "repeats: office crashed",
            Cause::LeaseLost => "repeats: lease lost",
        }
    }
}

impl Attempts {
    fn with<T>(&self, look: impl FnOnce(&mut Vec<Attempt>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn all(&self) -> Vec<Attempt> {
        self.with(|all| all.clone())
    }
}

/// The real dialogue, whose envelope names the attempt: the message stays the same to the last byte.
pub(crate) struct Watched {
    pub(crate) smtp: Smtp,
    pub(crate) world: World,
    pub(crate) attempts: Attempts,
}

impl Carrier for Watched {
    fn send<'a>(&'a self, env: &'a Env, mail: &'a Rendered) -> BoxFuture<'a, Result<Accepted, SendError>> {
        Box::pin(async move {
            let begun = self.world.now();
            let number = self.attempts.with(|all| {
                all.push(Attempt { begun, told: None });
                all.len() - 1
            });
            let mail = Rendered {
                envelope_from: format!("{number}@example.org"),
                ..mail.clone()
            };
            let answer = self.smtp.send(env, &mail).await;
            let told = match &answer {
                Ok(_) => Told::Accepted,
                Err(SendError::Unknown { .. }) => Told::Unknown,
                Err(SendError::Refused { .. } | SendError::Unreachable { .. }) => Told::NotSent,
            };
            let at = self.world.now();
            self.attempts.with(|all| all[number].told = Some((at, told)));
            answer
        })
    }
}

/// Why each copy of a message but the first came, in the order in which their attempts began; an error if no fault is to blame.
pub(crate) fn causes(
    copies: &[&Copy],
    attempts: &[Attempt],
    struck: &[Struck],
    healed: Duration,
) -> Result<Vec<Cause>, String> {
    let mut sent: Vec<(&Copy, &Attempt)> = Vec::new();
    for &copy in copies {
        let of = copy.from.split_once('@').and_then(|(number, _)| number.parse().ok());
        let attempt = of.and_then(|number: usize| attempts.get(number));
        let attempt = attempt.ok_or_else(|| format!("came by the attempt `{}`, which nobody made", copy.from))?;
        if matches!(attempt.told, Some((_, Told::NotSent))) {
            return Err(format!("came by an attempt that was told it did not: {attempt:?}"));
        }
        sent.push((copy, attempt));
    }
    sent.sort_by_key(|(_, attempt)| attempt.begun);
    let pairs = sent.windows(2);
    pairs
        .map(|pair| {
            let ((copy, attempt), (_, next)) = (pair[0], pair[1]);
            cause(copy, attempt, next.begun, struck, healed).ok_or_else(|| {
                format!(
                    "came again by an attempt that began at {:?}, and nothing had struck the one before: {attempt:?}, accepted at {:?}",
                    next.begun, copy.at
                )
            })
        })
        .collect()
}

/// Why another attempt began at `next`, though this one had reached the server.
fn cause(copy: &Copy, attempt: &Attempt, next: Duration, struck: &[Struck], healed: Duration) -> Option<Cause> {
    let crashed = |node: &str, from: Duration, until: Duration| {
        struck.iter().any(|one| {
            let here = matches!(&one.fault, Fault::Crash { node: at, .. } if at == node);
            here && (from..=until).contains(&one.at)
        })
    };
    match attempt.told {
        Some((_, Told::Unknown)) if copy.answer_lost => return Some(Cause::AnswerLost),
        Some((told, Told::Unknown)) if crashed(server::NODE, copy.at, told) => return Some(Cause::ServerCrashed),
        _ => {}
    }
    // What was told may not be noted yet; where nothing was told the message may have been on its way still.
    let from = attempt.told.map_or(attempt.begun, |(told, _)| told);
    if crashed(office::NODE, from, next) {
        return Some(Cause::OfficeCrashed);
    }
    // A lease that was claimed before the attempt began may have been over by then.
    let claimed = attempt.begun.saturating_sub(office::LEASE);
    let stalled = struck.iter().any(|one| {
        let stalls = match &one.fault {
            Fault::Pause { node, .. }
            | Fault::Slow { node, .. }
            | Fault::Full { node, .. }
            | Fault::Jump { node, .. } => node == office::NODE,
            _ => false,
        };
        let ends = one.ends().min(healed.max(one.at));
        stalls && one.at <= next && ends >= claimed
    });
    (stalled && !matches!(attempt.told, Some((_, Told::Unknown)))).then_some(Cause::LeaseLost)
}
