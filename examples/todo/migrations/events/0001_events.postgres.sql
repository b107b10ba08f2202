-- expand
create table sources (
    id uuid primary key,
    owner uuid not null,
    kind text not null check (kind in ('calendar', 'facebook')),
    name text not null,
    is_named boolean not null,
    url text,
    -- What opens it, sealed: not to be read here.
    sealed bytea,
    state text not null check (state in ('new', 'well', 'failing', 'waiting', 'disconnected')),
    reason text,
    failures bigint not null,
    -- Which poll comes next: the job of an earlier one does nothing.
    turn bigint not null,
    etag text,
    modified text,
    whole_at timestamptz,
    created_at timestamptz not null,
    -- When it was asked last, whatever came of it.
    asked_at timestamptz,
    read_at timestamptz,
    next_at timestamptz
);
create index sources_owner on sources (owner);
create index sources_next on sources (next_at) where next_at is not null;
create table events (
    source uuid not null references sources (id) on delete cascade,
    id uuid not null,
    series uuid not null,
    title text not null,
    start timestamptz not null,
    cancelled boolean not null,
    version bigint not null,
    -- What `Todos` knows of it: which version it was told, and what that said.
    told bigint not null,
    todo uuid,
    told_title text,
    told_start timestamptz,
    -- What it is being told, where that is another version: whether it was is not known.
    begun bigint not null,
    begun_title text,
    begun_start timestamptz,
    begun_says text,
    primary key (source, id)
);
create index events_untold on events (source, start) where told < version;
create table gone (
    owner uuid primary key
);
-- When a person has had a source asked: nobody has another's server asked without end.
create table asked (
    owner uuid not null,
    at timestamptz not null
);
create index asked_owner on asked (owner, at);
create index asked_at on asked (at);
