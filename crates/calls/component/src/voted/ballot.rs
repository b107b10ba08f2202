//! Counting the answers of replicas.

#[cfg(test)]
mod tests;

use wire::{CallError, CallErrorKind, Codec, Ran};

use super::canonical::Canonical;
use crate::component::{Data, Failure};
use crate::limits::{FAILURE_CHARS_MAX, FAILURES_TOLD_MAX};
use crate::remote::Try;

/// The answers so far.
pub(super) struct Ballot<T, E> {
    needed: usize,
    replicas: usize,
    /// Replicas that have not answered yet.
    waiting: usize,
    candidates: Vec<Candidate<T, E>>,
    failures: Vec<(String, CallError)>,
}

/// One of the different answers.
struct Candidate<T, E> {
    answer: Result<T, E>,
    form: Form,
    votes: usize,
}

/// What is compared: the answer in the codec that writes names, the same for every peer.
struct Form {
    is_ok: bool,
    bytes: Vec<u8>,
}

impl<T: Data, E: Failure> Ballot<T, E> {
    pub(super) fn new(needed: usize, replicas: usize) -> Ballot<T, E> {
        Ballot {
            needed,
            replicas,
            waiting: replicas,
            candidates: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Counts the answer of `replica`: what is agreed on, if it was the last that was needed.
    pub(super) fn cast(&mut self, replica: &str, answer: Result<T, Try<E>>) -> Option<Result<T, Try<E>>> {
        self.waiting = self.waiting.saturating_sub(1);
        let answer = match answer {
            Ok(value) => Ok(value),
            Err(Try::User(error)) => Err(error),
            Err(Try::Call(error)) => {
                self.failures.push((replica.to_owned(), error));
                return None;
            }
        };
        let form = match Form::of(&answer) {
            Ok(form) => form,
            Err(error) => {
                let message = format!("its answer cannot be compared: {error}");
                let error = CallError::maybe_run(CallErrorKind::Incompatible, message);
                self.failures.push((replica.to_owned(), error));
                return None;
            }
        };
        let found = self
            .candidates
            .iter()
            .position(|candidate| candidate.form.is_same(&form));
        let found = found.unwrap_or_else(|| {
            self.candidates.push(Candidate { answer, form, votes: 0 });
            self.candidates.len() - 1
        });
        self.candidates[found].votes += 1;
        let is_agreed = self.candidates[found].votes == self.needed;
        is_agreed.then(|| self.candidates.swap_remove(found).answer.map_err(Try::User))
    }

    /// Whether no answer can get the votes it needs any more.
    pub(super) fn is_lost(&self) -> bool {
        self.most() + self.waiting < self.needed
    }

    fn most(&self) -> usize {
        self.candidates
            .iter()
            .map(|candidate| candidate.votes)
            .max()
            .unwrap_or_default()
    }

    /// The failure of the vote on `component.method`.
    pub(super) fn error(&self, component: &str, method: &str) -> CallError {
        let answered: usize = self.candidates.iter().map(|candidate| candidate.votes).sum();
        let mut message = format!(
            "{} of {} replicas have to agree on `{component}.{method}`, and at most {} did; {answered} gave {} different answers, {} failed",
            self.needed,
            self.replicas,
            self.most(),
            self.candidates.len(),
            self.failures.len(),
        );
        for (nth, (replica, error)) in self.failures.iter().take(FAILURES_TOLD_MAX).enumerate() {
            // A peer writes it, perhaps a lying one.
            let why: String = error.message().chars().take(FAILURE_CHARS_MAX).collect();
            let between = if nth == 0 { ": " } else { "; " };
            message.push_str(&format!("{between}{replica} is {}, {why}", error.kind().as_str()));
        }
        if self.failures.len() > FAILURES_TOLD_MAX {
            message.push_str("; and others");
        }
        if self.waiting > 0 {
            message.push_str(&format!("; {} were not waited for", self.waiting));
        }
        // Of those that were not waited for nothing is known.
        let nobody_ran =
            answered == 0 && self.waiting == 0 && self.failures.iter().all(|(_, error)| error.certainly_did_not_run());
        let ran = if nobody_ran { Ran::No } else { Ran::Maybe };
        let error = CallError::new(CallErrorKind::Unavailable, ran, message);
        match self.failures.iter().any(|(_, error)| error.was_retried()) {
            true => error.retried(),
            false => error,
        }
    }
}

impl Form {
    fn of<T: Data, E: Failure>(answer: &Result<T, E>) -> Result<Form, wire::CodecError> {
        let mut bytes = Vec::new();
        match answer {
            Ok(value) => wire::encode(Codec::Tagged, value, &mut bytes)?,
            Err(error) => wire::encode(Codec::Tagged, error, &mut bytes)?,
        }
        Ok(Form {
            is_ok: answer.is_ok(),
            bytes,
        })
    }

    /// Whole answers are compared, no hash of them: whoever lies may choose what he says.
    fn is_same(&self, other: &Form) -> bool {
        if self.is_ok != other.is_ok {
            return false;
        }
        // Entries in another order take no fewer bytes, and no more.
        self.bytes == other.bytes
            || (self.bytes.len() == other.bytes.len()
                && Canonical::of(&self.bytes)
                    .zip(Canonical::of(&other.bytes))
                    .is_some_and(|(one, other)| one == other))
    }
}
