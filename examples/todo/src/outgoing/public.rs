//! Which addresses are public: what a person supplies must not reach into the network that this runs in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::target::Host;
use super::{Outgoing, Refusal};

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 64;

/// The addresses of `host`, each of which may be asked.
pub(super) async fn check(outgoing: &Outgoing, host: &Host) -> Result<Vec<IpAddr>, Refusal> {
    let found = resolved(outgoing, host).await?;
    for address in &found {
        let allowed = outgoing.allowed.iter().any(|range| range.contains(canonical(*address)));
        if let (Some(what), false) = (not_public(*address), allowed) {
            let host_name = host.to_string();
            return Err(match host {
                Host::Name(_) => {
                    tracing::info!(target: "todo::outgoing", host = host_name, %address, what, "not asked");
                    Refusal::Inside { host: host_name }
                }
                Host::Ip(_) => Refusal::Private {
                    host: host_name,
                    address: address.to_string(),
                    what,
                },
            });
        }
    }
    Ok(found)
}

/// The addresses of `host`, at least one.
pub(super) async fn resolved(outgoing: &Outgoing, host: &Host) -> Result<Vec<IpAddr>, Refusal> {
    let name = match host {
        Host::Ip(address) => return Ok(vec![*address]),
        Host::Name(name) => name,
    };
    let unknown = || Refusal::Unreachable(format!("nobody knows the host {name}"));
    let permit = outgoing
        .resolving
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| unknown())?;
    let (env, name_of_it) = (outgoing.env.clone(), name.clone());
    // A task of its own, which ends with its thread and not with whoever has stopped to wait for it.
    let found = outgoing.env.spawn("resolve", async move {
        let _permit = permit;
        env.network().resolve(&name_of_it).await
    });
    let mut found = found.await.map_err(|_| unknown())?.map_err(|_| unknown())?;
    found.truncate(ADDRESSES_MAX);
    match found.is_empty() {
        true => Err(Refusal::Unreachable(format!("the host {name} has no address"))),
        false => Ok(found),
    }
}

/// An address of IPv4 that is written in IPv6 is that of IPv4.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        v4 => v4,
    }
}

/// What `address` is, where it is not public (the registries of special-purpose addresses of RFC 6890).
fn not_public(address: IpAddr) -> Option<&'static str> {
    match canonical(address) {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let what = match address.octets() {
        [0, ..] => "no address of a host",
        [127, ..] => "the machine itself",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "in a private network",
        [169, 254, ..] => "local to a link, where clouds keep their metadata",
        [100, 64..=127, ..] => "in the shared network of a provider",
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => "reserved",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "for documentation only",
        [224..=239, ..] => "for many at once (multicast)",
        [240..=255, ..] => "reserved",
        _ => return None,
    };
    Some(what)
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    // What translates to IPv4 is as public as that: NAT64 (RFC 6052), 6to4 (RFC 3056), and what was "compatible" once.
    let low = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let what = match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => "no address of a host",
        [0, 0, 0, 0, 0, 0, 0, 1] => "the machine itself",
        [0, 0, 0, 0, 0, 0, ..] => "reserved",
        [0x64, 0xff9b, 0, 0, 0, 0, a, b] => return not_public_v4(low(a, b)),
        [0x64, 0xff9b, ..] => "in a private network",
        [0x2002, a, b, ..] => return not_public_v4(low(a, b)),
        [0x2001, 0..=0x1ff, ..] => "reserved",
        [0x2001, 0xdb8, ..] | [0x3fff, ..] => "for documentation only",
        [0xfc00..=0xfdff, ..] => "in a private network",
        [0xfe80..=0xfebf, ..] => "local to a link",
        [0xfec0..=0xfeff, ..] => "in a private network",
        [0xff00..=0xffff, ..] => "for many at once (multicast)",
        // Only 2000::/3 is given out (RFC 4291, section 2.4).
        [0x2000..=0x3fff, ..] => return None,
        _ => "reserved",
    };
    Some(what)
}

#[cfg(test)]
mod tests {
    use super::not_public;

    #[test]
    fn only_public_addresses_are_public() {
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(not_public(refused.parse().expect("an address")).is_some(), "{refused}");
        }
        for taken in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert_eq!(not_public(taken.parse().expect("an address")), None, "{taken}");
        }
    }
}
