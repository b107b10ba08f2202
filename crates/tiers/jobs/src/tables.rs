//! The tables of jobs, beside the component's own.

use database::migration::{Kind, Migration, Migrations};

/// Installed as the set `jobs`.
///
/// `ready` jobs are due and lie in the order in which they are claimed; what waits for its time lies in the order of time
/// and is made ready then, so that neither a long queue nor many reminders of next year cost a claim anything.
pub(crate) const TABLES: Migrations = Migrations {
    list: &[Migration {
        number: 1,
        name: "jobs",
        kind: Kind::Expand,
        sqlite: "create table terrace_jobs (
                number integer primary key, id blob not null unique, kind text not null, key text,
                priority integer not null, payload blob not null,
                state text not null check (state in ('waiting', 'running', 'parked', 'done', 'cancelled')),
                ready integer not null, due integer not null, enqueued integer not null,
                fence integer not null default 0, attempts integer not null default 0, round integer not null default 0,
                first integer, started integer, ended integer, lease_until integer, holder text,
                reason text, progress blob, cancelling integer not null default 0
            );
            create index terrace_jobs_ready on terrace_jobs (priority desc, due, number) where state = 'waiting' and ready;
            create index terrace_jobs_due on terrace_jobs (due) where state = 'waiting' and not ready;
            create index terrace_jobs_lease on terrace_jobs (lease_until) where state = 'running';
            create index terrace_jobs_ended on terrace_jobs (ended) where state in ('done', 'cancelled');
            create index terrace_jobs_key on terrace_jobs (kind, key) where key is not null;
            create index terrace_jobs_state on terrace_jobs (state, kind);
            create table terrace_schedules (
                name text primary key, cron text not null, zone text not null, kind text not null, key text,
                priority integer not null, payload blob not null, next integer, last integer,
                enqueued integer not null default 0
            );",
        postgres: "create table terrace_jobs (
                number bigserial primary key, id uuid not null unique, kind text not null, key text,
                priority bigint not null, payload bytea not null,
                state text not null check (state in ('waiting', 'running', 'parked', 'done', 'cancelled')),
                ready boolean not null, due timestamptz not null, enqueued timestamptz not null,
                fence bigint not null default 0, attempts bigint not null default 0, round bigint not null default 0,
                first timestamptz, started timestamptz, ended timestamptz, lease_until timestamptz, holder text,
                reason text, progress bytea, cancelling boolean not null default false
            );
            create index terrace_jobs_ready on terrace_jobs (priority desc, due, number) where state = 'waiting' and ready;
            create index terrace_jobs_due on terrace_jobs (due) where state = 'waiting' and not ready;
            create index terrace_jobs_lease on terrace_jobs (lease_until) where state = 'running';
            create index terrace_jobs_ended on terrace_jobs (ended) where state in ('done', 'cancelled');
            create index terrace_jobs_key on terrace_jobs (kind, key) where key is not null;
            create index terrace_jobs_state on terrace_jobs (state, kind);
            create table terrace_schedules (
                name text primary key, cron text not null, zone text not null, kind text not null, key text,
                priority bigint not null, payload bytea not null, next timestamptz, last timestamptz,
                enqueued bigint not null default 0
            );",
    }],
};
