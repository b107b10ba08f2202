//! The tables of mail, beside the component's own.

use database::migration::{Kind, Migration, Migrations};

/// Installed as the set `mail`.
///
/// `terrace_mail` has a row for each message of which an attempt was begun: `sending` is an attempt of which nothing is
/// known. `terrace_mailbox` has the messages that stay here.
pub(super) const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "mail",
        kind: Kind::Expand,
        sqlite: "create table terrace_mail (
                id blob primary key, message_id text not null, attempts integer not null, repeats integer not null,
                state text not null check (state in ('sending', 'waiting', 'refused', 'sent')),
                answer text not null default '', pending text not null default '', noted integer not null
            );
            create index terrace_mail_sent on terrace_mail (noted) where state = 'sent';
            create table terrace_mailbox (
                number integer primary key, id blob not null unique, message_id text not null,
                dated integer not null, arrived integer not null, message blob not null
            );",
        postgres: "create table terrace_mail (
                id uuid primary key, message_id text not null, attempts bigint not null, repeats bigint not null,
                state text not null check (state in ('sending', 'waiting', 'refused', 'sent')),
                answer text not null default '', pending text not null default '', noted timestamptz not null
            );
            create index terrace_mail_sent on terrace_mail (noted) where state = 'sent';
            create table terrace_mailbox (
                number bigserial primary key, id uuid not null unique, message_id text not null,
                dated timestamptz not null, arrived timestamptz not null, message bytea not null
            );",
    }],
};
