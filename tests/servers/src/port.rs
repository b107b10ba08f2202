//! Free ports that stay free while their server is down.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;

/// Below the ports that Linux gives to outgoing connections (`ip_local_port_range`, from 32768): while a server is
/// down, a client that tries to reach it must not get the server's own port and so reach itself.
const PORT_FIRST: u16 = 12_000;
const PORT_LAST: u16 = 32_000;
const TRIES_MAX: u32 = 200;

static DRAWN: AtomicU32 = AtomicU32::new(0);

/// A port on 127.0.0.1 on which nobody listens now.
pub(crate) fn free() -> Result<u16, Error> {
    for _ in 0..TRIES_MAX {
        let port = candidate();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::NoPort {
        tries: TRIES_MAX,
        first: PORT_FIRST,
        last: PORT_LAST,
    })
}

/// Spread over the range, so that processes that start servers at the same moment seldom draw the same port.
fn candidate() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mixed = u64::from(std::process::id())
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(u64::from(DRAWN.fetch_add(1, Ordering::Relaxed)).wrapping_mul(0xD1B5_4A32_D192_ED03))
        .wrapping_add(u64::from(now.subsec_nanos()).wrapping_mul(0x2545_F491_4F6C_DD1D));
    let offset = (mixed >> 32) % u64::from(PORT_LAST - PORT_FIRST);
    PORT_FIRST + u16::try_from(offset).unwrap_or_default()
}
