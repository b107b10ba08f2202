//! Interfaces that a peer sends, and everything that is done with them.

use wire::compatibility::{Side, compare};
use wire::hello::{agree, offer};
use wire::shape::reach;
use wire::{Codec, Hello, Interface, Limits};

use crate::component;
use crate::cursor::Cursor;

/// The first byte says how the interface is written: as on the wire, or without the names, which a fuzzer finds sooner.
pub(crate) fn interface(data: &[u8]) -> usize {
    let mut cursor = Cursor(data);
    let is_as_sent = cursor.byte() & 1 == 0;
    let input = cursor.rest();
    let theirs = if is_as_sent {
        Interface::decode(input).ok()
    } else {
        let limits = Limits {
            decoded_bytes_max: 1 << 20,
            ..Limits::default()
        };
        wire::decode::<Interface>(Codec::Positional, input, &limits)
            .ok()
            .filter(|interface| interface.check().is_ok())
    };
    if let Some(theirs) = theirs {
        used(&theirs);
    }
    data.len()
}

fn used(theirs: &Interface) {
    let hash = theirs.hash();
    let mut out = Vec::new();
    theirs.encode(&mut out).expect("what was read can be written");
    let again = Interface::decode(&out).expect("what was written can be read");
    assert_eq!(&again, theirs, "an interface is read as it was written");
    assert_eq!(again.hash(), hash, "its hash is that of what it says");
    let ours = component::interface();
    for side in [Side::Caller, Side::Callee] {
        compare(ours, theirs, side);
        compare(theirs, ours, side);
        compare(theirs, theirs, side);
    }
    drop(agree(ours, theirs, 0));
    let hello = Hello {
        interfaces: vec![(theirs.name.clone(), hash)],
    };
    offer(theirs, hash, &hello);
    for (number, method) in theirs.methods.iter().enumerate() {
        theirs.is_positional(number);
        theirs.answers_call_error(method);
        for type_ref in method.uses() {
            reach::is_recursive(&theirs.types, type_ref);
        }
    }
}
