//! Where the front of an application is served, as far as the command line says it.

use clap::{Arg, ArgMatches};
use world::Address;

/// Where the front is to be served, as far as the command line says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    pub(crate) listen: Option<Address>,
    pub(crate) listen_tls: Option<Address>,
    pub(crate) admin: Option<Address>,
}

/// The arguments, for a message.
pub(super) const NAMES: &str = "--listen, --listen-tls and --admin";

/// The arguments of an application that has a front.
pub(super) fn arguments(has_front: bool) -> Vec<Arg> {
    let address = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("ADDRESS")
            .value_parser(host::config::address)
            .help(help)
    };
    let all = [
        address(
            "listen",
            "Where pages are served by HTTP [default: 127.0.0.1:8080]; port 0 picks a free one",
        ),
        address(
            "listen-tls",
            "Where pages are served by HTTPS; with it, --listen only redirects there",
        ),
        address(
            "admin",
            "Where the operator's pages are, on loopback [default: 127.0.0.1:0]",
        ),
    ];
    all.into_iter().filter(|_| has_front).collect()
}

impl Pages {
    pub(super) fn of(matches: &ArgMatches) -> Pages {
        let address = |name: &str| matches.try_get_one::<Address>(name).ok().flatten().cloned();
        Pages {
            listen: address("listen"),
            listen_tls: address("listen-tls"),
            admin: address("admin"),
        }
    }

    pub(super) fn is_given(&self) -> bool {
        self.listen.is_some() || self.listen_tls.is_some() || self.admin.is_some()
    }

    /// These, and the others where they say nothing.
    pub(super) fn or(self, other: Pages) -> Pages {
        Pages {
            listen: self.listen.or(other.listen),
            listen_tls: self.listen_tls.or(other.listen_tls),
            admin: self.admin.or(other.admin),
        }
    }
}
