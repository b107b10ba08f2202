-- expand
create table accounts (
    id uuid primary key,
    email text not null unique,
    password text,
    zone text not null,
    epoch bigint not null,
    created_at timestamptz not null
);

-- Who has asked for an account, and has not shown yet that the address is theirs. Of a link only the digest is kept.
create table pending (
    digest bytea primary key,
    email text not null,
    at timestamptz not null
);
create index pending_email on pending (email);
create index pending_at on pending (at);

create table resets (
    digest bytea primary key,
    account uuid not null references accounts (id) on delete cascade,
    at timestamptz not null
);
create index resets_account on resets (account);

create table tokens (
    id uuid primary key,
    account uuid not null references accounts (id) on delete cascade,
    name text not null,
    digest bytea not null unique,
    created_at timestamptz not null
);
create index tokens_account on tokens (account);

-- What is counted against a limit: attempts by account and by where they come from, mails by address.
create table counted (
    what text not null,
    at timestamptz not null
);
create index counted_what on counted (what, at);
create index counted_at on counted (at);
