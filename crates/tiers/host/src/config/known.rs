//! Every key of a configuration and what it holds, as data: what the reader refuses, what a name of the environment
//! means, how a later origin is merged into an earlier one, and what is never shown all follow from it.

/// What a key holds.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// A single value or a list.
    Value,
    /// A secret: replaced as a whole, never shown.
    Secret,
    /// An address of a tier, in which a password may stand.
    Url,
    /// A table with these keys.
    Keys(&'static [Key]),
    /// The same, or a text that stands for its `url`.
    Tier(&'static [Key]),
    /// A table from any name to this.
    Names(&'static Known),
    /// A table from the name of a component to this.
    Components(&'static Known),
    /// What only somebody else can read: a component's own configuration. It may hold secrets.
    Free,
}

/// One key of a table.
pub(super) type Key = (&'static str, Known);

pub(super) const ROOT: &[Key] = &[
    ("service", Known::Keys(SERVICE)),
    ("face", Known::Keys(FACE)),
    ("front", Known::Keys(FRONT)),
    ("feeds", Known::Keys(FEEDS)),
    ("log", Known::Keys(LOG)),
    ("calls", Known::Keys(CALLS)),
    ("tiers", Known::Keys(TIERS)),
    ("components", Known::Components(&Known::Keys(COMPONENT))),
    ("external", Known::Components(&Known::Keys(EXTERNAL))),
];

pub(super) const SERVICE: &[Key] = &[("listen", Known::Value), ("token", Known::Secret)];

pub(super) const FACE: &[Key] = &[
    ("on", Known::Value),
    ("hosts", Known::Value),
    ("origins", Known::Value),
    ("request_bytes_max", Known::Value),
];

pub(super) const FRONT: &[Key] = &[
    ("listen", Known::Value),
    ("listen_tls", Known::Value),
    ("admin", Known::Value),
    ("certificate", Known::Value),
    ("key", Known::Value),
    ("url", Known::Value),
    ("proxies", Known::Value),
    ("session_key", Known::Secret),
    ("templates", Known::Value),
    ("reload", Known::Value),
];

pub(super) const FEEDS: &[Key] = &[("allow", Known::Value)];

pub(super) const LOG: &[Key] = &[
    ("format", Known::Value),
    ("level", Known::Value),
    ("targets", Known::Names(&Known::Value)),
];

pub(super) const CALLS: &[Key] = &[("decoded_bytes_max", Known::Value)];

pub(super) const TIERS: &[Key] = &[
    ("database", Known::Tier(DATABASE)),
    ("mail", Known::Tier(MAIL)),
    ("jobs", Known::Keys(JOBS)),
];

pub(super) const DATABASE: &[Key] = &[
    ("url", Known::Url),
    ("password", Known::Secret),
    ("readers", Known::Value),
    ("slow", Known::Value),
    ("once_retention", Known::Value),
    ("connections", Known::Value),
    ("migrate", Known::Value),
];

pub(super) const MAIL: &[Key] = &[
    ("url", Known::Url),
    ("user", Known::Value),
    ("password", Known::Secret),
    ("from", Known::Value),
];

pub(super) const JOBS: &[Key] = &[
    ("poll", Known::Value),
    ("lease", Known::Value),
    ("concurrency", Known::Value),
    ("keep", Known::Value),
];

pub(super) const COMPONENT: &[Key] = &[("module", Known::Value), ("at", Known::Value), ("config", Known::Free)];

pub(super) const EXTERNAL: &[Key] = &[("url", Known::Url), ("command", Known::Value), ("token", Known::Secret)];

const SECRET: &[Key] = &[("env", Known::Value), ("file", Known::Value)];

impl Known {
    /// The keys that the table here may have, where they are a closed set.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Known::Keys(keys) | Known::Tier(keys) => keys,
            Known::Secret => SECRET,
            Known::Value | Known::Url | Known::Names(_) | Known::Components(_) | Known::Free => &[],
        }
    }

    /// What `key` in the table here holds.
    pub(super) fn below(self, key: &str) -> Known {
        match self {
            Known::Names(each) | Known::Components(each) => *each,
            _ => {
                let found = self.keys().iter().find(|(known, _)| *known == key);
                found.map_or(Known::Free, |(_, known)| *known)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Known, ROOT};
    use crate::config::Config;

    /// A list of lists, which no key takes.
    const WRONG: &str = "[[1]]";

    fn each(known: Known, key: &str, check: &mut impl FnMut(&str)) {
        check(key);
        match known {
            Known::Keys(keys) | Known::Tier(keys) => {
                for (name, known) in keys {
                    each(*known, &format!("{key}.{name}"), check);
                }
            }
            Known::Names(below) | Known::Components(below) => each(*below, &format!("{key}.any"), check),
            Known::Value | Known::Secret | Known::Url | Known::Free => {}
        }
    }

    #[test]
    fn every_key_that_is_known_is_read() {
        let mut checked = 0;
        for (name, known) in ROOT {
            each(*known, name, &mut |key| {
                let error = Config::parse(&format!("{key} = {WRONG}"), Path::new("t.toml")).expect_err(key);
                assert!(!error.to_string().contains("unknown key"), "{key}: {error}");
                checked += 1;
            });
        }
        assert!(checked > 30, "{checked}");
    }
}
