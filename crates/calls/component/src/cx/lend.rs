//! Lending a context to a callee in the same process.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;

use super::Cx;
use crate::call_id::CallId;

/// A child context that borrows its parent's share of the request instead of counting a new one: a locked increment
/// and decrement cost more than everything else that a local call does.
pub struct Lent<'a> {
    cx: ManuallyDrop<Cx>,
    parent: PhantomData<&'a Cx>,
}

impl<'a> Lent<'a> {
    #[inline]
    #[expect(unsafe_code, reason = "saves a locked increment and decrement on each local call")]
    pub(super) fn new(parent: &'a Cx, id: CallId, bits: u8) -> Lent<'a> {
        // SAFETY: this copies the pointer inside `parent.request` without counting it. The copy is never dropped
        // (`ManuallyDrop`, and nothing takes it out), it cannot be moved out (`Deref` gives only `&Cx`, whose `clone`
        // counts), and it cannot outlive the counted one, since `Lent` borrows `parent` for `'a`.
        let request = unsafe { std::ptr::read(&parent.request) };
        let cx = Cx {
            request,
            id,
            hops: parent.hops + 1,
            attempt: 0,
            bits,
        };
        Lent {
            cx: ManuallyDrop::new(cx),
            parent: PhantomData,
        }
    }
}

impl Deref for Lent<'_> {
    type Target = Cx;

    #[inline]
    fn deref(&self) -> &Cx {
        &self.cx
    }
}
