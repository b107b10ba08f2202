//! Every limit of a connection, by name and unit.

use std::time::Duration;

/// Bytes of one frame's body; a longer message crosses in several, with those of others in between.
pub const FRAME_BYTES_MAX: usize = 64 << 10;

/// Bytes of one request or reply.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes of messages on one connection that have arrived in part.
pub const ASSEMBLY_BYTES_MAX: usize = 64 << 20;

/// Messages on one connection that have arrived in part.
pub const ASSEMBLIES_MAX: usize = 256;

/// Long messages that one side sends at once on one connection; the others wait, so that the peer's bounds hold.
pub const LONG_AT_ONCE_MAX: usize = 4;

/// Bytes that wait to be sent on one connection: past it a caller gets `Overloaded`, and a server stops reading.
pub const SEND_BYTES_MAX: usize = 64 << 20;

/// Requests in flight on one connection, on either side.
pub const CALLS_IN_FLIGHT_MAX: usize = 16_384;

/// Connections that one listener serves.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Frames handled before what they caused is sent.
pub const BATCH_FRAMES_MAX: usize = 256;

/// Room that a read has.
pub const READ_BYTES: usize = 64 << 10;

/// Room that a read grows to while each read fills it.
pub const READ_BYTES_MAX: usize = 512 << 10;

/// Memory that a send buffer keeps between writes; giving more back each time costs more than the bytes do.
pub const KEPT_BYTES_MAX: usize = 2 << 20;

/// Bytes of a deployment's token.
pub const TOKEN_BYTES_MAX: usize = 1024;

/// Bytes of an `Idempotency-Key` on the HTTP face.
pub const KEY_BYTES_MAX: usize = 255;

/// Time for the first byte, and for the hello.
pub const HELLO_WAIT: Duration = Duration::from_secs(5);

/// A caller says that it is there after this much silence.
pub const PING_AFTER: Duration = Duration::from_secs(5);

/// A peer that was silent for this long is taken for gone.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);

/// After *going away* was said, requests that were on their way are still refused one by one for this long.
pub const GOAWAY_LINGER: Duration = Duration::from_secs(1);

/// The room for the read after one that read so many bytes: a peer with much to say needs fewer system calls, and a quiet
/// one no memory.
pub(crate) fn next_read_bytes(room: usize, read: usize) -> usize {
    if read >= room {
        (room * 2).min(READ_BYTES_MAX)
    } else if read < room / 4 {
        (room / 2).max(READ_BYTES)
    } else {
        room
    }
}

const _: () = assert!(FRAME_BYTES_MAX <= MESSAGE_BYTES_MAX && MESSAGE_BYTES_MAX <= ASSEMBLY_BYTES_MAX);
const _: () = assert!(LONG_AT_ONCE_MAX <= ASSEMBLIES_MAX && LONG_AT_ONCE_MAX * MESSAGE_BYTES_MAX <= ASSEMBLY_BYTES_MAX);
const _: () = assert!(MESSAGE_BYTES_MAX <= SEND_BYTES_MAX);
const _: () = assert!(
    PING_AFTER.as_millis() * 2 < SILENCE_MAX.as_millis(),
    "two pings may be lost"
);
