-- The same as sqlite.sql.
create table accounts (
    id uuid primary key,
    email text not null unique,
    zone text not null,
    created_at timestamptz not null
);
create table tokens (
    digest bytea primary key,
    account uuid not null references accounts (id) on delete cascade,
    name text not null,
    created_at timestamptz not null
);
create table owners (
    owner uuid primary key,
    revision bigint not null,
    open bigint not null,
    done bigint not null,
    forgotten boolean not null
);
create table todos (
    owner uuid not null,
    id uuid not null,
    title text not null,
    title_lower text not null,
    done boolean not null,
    due timestamptz,
    tags jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (owner, id)
);
create index todos_listed on todos (owner, created_at desc, id) where deleted_at is null;
create index todos_deleted on todos (deleted_at, owner) where deleted_at is not null;
create index todos_remnants on todos (owner, deleted_at) where deleted_at is not null;
create table tags (
    owner uuid not null,
    tag text not null,
    todo uuid not null,
    open boolean not null,
    primary key (owner, tag, todo),
    foreign key (owner, todo) references todos (owner, id) on delete cascade
);
create index tags_of_todo on tags (owner, todo);
create table once (
    id uuid primary key,
    digest uuid not null,
    answer bytea not null,
    at timestamptz not null
);
create index once_at on once using brin (at);
