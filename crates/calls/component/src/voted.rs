//! [`Voted`]: reads that up to f lying or dead replicas cannot spoil.

mod ballot;
mod canonical;
mod replica;

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use serde::Serialize;
use wire::{CallError, CallErrorKind};
use world::BoxFuture;

use crate::component::{Component, Data, Declared, Failure};
use crate::cx::Cx;
use crate::limits::FAULTY_REPLICAS_MAX;
use crate::local::panic_error;
use crate::reference::Ref;
use crate::remote::{Channel, Try};

use ballot::Ballot;
use replica::Replica;

/// A handle that asks 2f + 1 replicas of a component and returns what f + 1 of them agree on, so that up to f of them
/// may be dead, slow or lying: among f + 1 equal answers one at least is from a replica that is not faulty (the bound
/// of L. Lamport, R. Shostak and M. Pease, "The Byzantine generals problem", ACM TOPLAS 4(3), 1982, for answers that
/// the asker itself compares). It is a [`Ref`] to its user and implements the component's trait:
///
/// ```text
/// let shelf: Voted<dyn Shelf> = Voted::new("shop", 1, vec![one, two, three])?;
/// shelf.count(&cx).await?; // what two of the three say
/// ```
///
/// * **Only methods marked `read`** can be called; another one is `Denied` and certainly did not run. Replicas that are
///   to *change* alike need an agreed order of changes, for which a vote on answers is no substitute.
/// * All replicas are asked at once, each with the retries that any call of it has. The answer comes with the f + 1st
///   equal one; the other calls are then abandoned. Deadline and cancellation are those of any call.
/// * Answers are compared as values, `Ok` or the method's own error, whatever codec they came in: the order of a map's
///   entries does not count, all else does (also `-0.0` against `0.0`). A failed call agrees with nobody.
/// * When f + 1 can no longer agree it ends at once with `Unavailable`, in a sentence that counts the votes. Right
///   replicas of which one has seen the newest change and another has not disagree too: then ask again. The error says
///   *certainly did not run* only if that is so of every replica.
///
/// Its limits: f + 1 faulty replicas that tell the same lie win. The vote makes no single answer the newest one: f + 1
/// replicas that are behind agree on the past. Replicas of one process, one machine or one faulty build fail together.
///
/// A replica is any other `Ref`. One in this process is asked through the codecs, as a peer would ask it, and counted
/// like that (caller `(network)`); the calls of the handle itself are counted once, however many replicas they ask.
pub struct Voted<C: Component + ?Sized> {
    reference: Ref<C>,
}

/// Why replicas cannot vote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VotedError {
    /// There are more faulty replicas than a vote may tolerate.
    #[error("a vote that tolerates {faulty_max} faulty replicas is too large: at most {FAULTY_REPLICAS_MAX}")]
    TooMany {
        /// How many were to be tolerated.
        faulty_max: usize,
    },
    /// There are not 2f + 1 replicas.
    #[error(
        "a vote that tolerates {faulty_max} faulty replicas needs exactly {} and was given {given}; add or take away some",
        2 * faulty_max + 1
    )]
    Count {
        /// How many were to be tolerated.
        faulty_max: usize,
        /// How many replicas there are.
        given: usize,
    },
    /// Two replicas are one and would vote twice.
    #[error("replicas {first} and {second} are the same, {name}, which would vote twice; give each replica once")]
    Same {
        /// The index of the one.
        first: usize,
        /// The index of the other.
        second: usize,
        /// Where both are.
        name: String,
    },
    /// A replica is not open yet.
    #[error("replica {index} is not open; keep its `Ref` in `open` and make the `Voted` later")]
    NotOpen {
        /// Its index.
        index: usize,
    },
    /// A replica is itself voted on.
    #[error("replica {index} is itself a `Voted`; give its replicas instead")]
    Nested {
        /// Its index.
        index: usize,
    },
}

impl<C: Component + ?Sized> Voted<C> {
    /// A handle for `caller` to what f + 1 of `replicas`, which are exactly 2f + 1 different ones, agree on, where f is
    /// `faulty_max`. Nothing is connected yet.
    pub fn new(caller: &str, faulty_max: usize, replicas: Vec<Ref<C>>) -> Result<Voted<C>, VotedError> {
        if faulty_max > FAULTY_REPLICAS_MAX {
            return Err(VotedError::TooMany { faulty_max });
        }
        let given = replicas.len();
        if given != 2 * faulty_max + 1 {
            return Err(VotedError::Count { faulty_max, given });
        }
        let mut asked: Vec<Replica> = Vec::with_capacity(given);
        for (index, replica) in replicas.iter().enumerate() {
            let replica = Replica::new(replica, index)?;
            if let Some(first) = asked.iter().position(|other| other.is_same(&replica)) {
                let name = replica.name;
                return Err(VotedError::Same {
                    first,
                    second: index,
                    name,
                });
            }
            asked.push(replica);
        }
        let vote = Vote {
            declared: C::declared(),
            needed: faulty_max + 1,
            replicas: asked,
        };
        Ok(Voted {
            reference: Ref::remote(caller, Channel::voted(vote)),
        })
    }

    /// The same as a `Ref`, which may be handed to whatever calls the component, and be served to others.
    pub fn reference(&self) -> Ref<C> {
        self.reference.clone()
    }
}

impl<C: Component + ?Sized> Deref for Voted<C> {
    type Target = Ref<C>;

    fn deref(&self) -> &Ref<C> {
        &self.reference
    }
}

impl<C: Component + ?Sized> Clone for Voted<C> {
    fn clone(&self) -> Voted<C> {
        Voted {
            reference: self.reference.clone(),
        }
    }
}

impl<C: Component + ?Sized> fmt::Debug for Voted<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Voted<dyn {}>", C::declared().name())
    }
}

/// The replicas behind a channel. The client adapter calls them as it calls one peer, so nothing that the macro makes
/// knows of votes, and a call that is not voted on pays one branch for them.
pub(crate) struct Vote {
    declared: &'static Declared,
    /// How many have to agree: f + 1.
    needed: usize,
    replicas: Vec<Replica>,
}

impl Vote {
    /// Calls the method at every replica, and answers what enough of them say. Boxed, so that the future of a call to one
    /// peer is no larger for it.
    pub(crate) fn call<'a, A, T, E>(
        &'a self,
        cx: &'a Cx,
        method: usize,
        arguments: &'a A,
    ) -> BoxFuture<'a, Result<T, Try<E>>>
    where
        A: Serialize + Sync,
        T: Data + 'a,
        E: Failure + 'a,
    {
        Box::pin(async move {
            let name = &self.declared.interface.methods[method].name;
            if !self.declared.methods[method].read {
                return Err(Try::Call(self.not_a_read(name)));
            }
            let ask = |replica: &'a Replica| Some(replica.ask(self.declared, cx, method, arguments));
            let mut asked: Vec<Option<BoxFuture<'a, _>>> = self.replicas.iter().map(ask).collect();
            let mut ballot = Ballot::new(self.needed, self.replicas.len());
            poll_fn(|task| {
                for (replica, call) in self.replicas.iter().zip(&mut asked) {
                    let Some(future) = call else { continue };
                    // What one replica says may make the code of an answer's type panic: that is this replica's failure.
                    let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task)));
                    let answer = match polled {
                        Ok(Poll::Pending) => continue,
                        Ok(Poll::Ready(answer)) => answer,
                        Err(panic) => Err(Try::Call(panic_error(self.declared.name(), name, &*panic))),
                    };
                    *call = None;
                    if let Some(agreed) = ballot.cast(&replica.name, answer) {
                        return Poll::Ready(agreed);
                    }
                    if ballot.is_lost() {
                        let error = ballot.error(self.declared.name(), name);
                        return Poll::Ready(Err(Try::Call(error)));
                    }
                }
                Poll::Pending
            })
            .await
        })
    }

    fn not_a_read(&self, name: &str) -> CallError {
        let message = format!(
            "`{}.{name}` is not marked `read`, and only a `read` is asked of {} replicas by vote; call one of them, or mark it `#[call(read)]` if it changes nothing",
            self.declared.name(),
            self.replicas.len()
        );
        CallError::not_run(CallErrorKind::Denied, message)
    }
}
