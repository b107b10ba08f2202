-- expand
create table sources (
    id blob primary key,
    owner blob not null,
    kind text not null check (kind in ('calendar', 'facebook')),
    name text not null,
    is_named integer not null,
    url text,
    -- What opens it, sealed: not to be read here.
    sealed blob,
    state text not null check (state in ('new', 'well', 'failing', 'waiting', 'disconnected')),
    reason text,
    failures integer not null,
    -- Which poll comes next: the job of an earlier one does nothing.
    turn integer not null,
    etag text,
    modified text,
    whole_at integer,
    created_at integer not null,
    -- When it was asked last, whatever came of it.
    asked_at integer,
    read_at integer,
    next_at integer
) without rowid;
create index sources_owner on sources (owner);
create index sources_next on sources (next_at) where next_at is not null;
create table events (
    source blob not null references sources (id) on delete cascade,
    id blob not null,
    series blob not null,
    title text not null,
    start integer not null,
    cancelled integer not null,
    version integer not null,
    -- What `Todos` knows of it: which version it was told, and what that said.
    told integer not null,
    todo blob,
    told_title text,
    told_start integer,
    -- What it is being told, where that is another version: whether it was is not known.
    begun integer not null,
    begun_title text,
    begun_start integer,
    begun_says text,
    primary key (source, id)
) without rowid;
create index events_untold on events (source, start) where told < version;
create table gone (
    owner blob primary key
) without rowid;
-- When a person has had a source asked: nobody has another's server asked without end.
create table asked (
    owner blob not null,
    at integer not null
);
create index asked_owner on asked (owner, at);
create index asked_at on asked (at);
