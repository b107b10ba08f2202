-- What ours keeps in two files, in one; the names of its own tables are others.
create table accounts (
    id blob primary key,
    email text not null unique,
    zone text not null,
    created_at integer not null
) without rowid;
create table tokens (
    digest blob primary key,
    account blob not null references accounts (id) on delete cascade,
    name text not null,
    created_at integer not null
) without rowid;
create table owners (
    owner blob primary key,
    revision integer not null,
    open integer not null,
    done integer not null,
    forgotten integer not null
) without rowid;
create table todos (
    owner blob not null,
    id blob not null,
    title text not null,
    title_lower text not null,
    done integer not null,
    due integer,
    tags text not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    primary key (owner, id)
) without rowid;
create index todos_listed on todos (owner, created_at desc, id) where deleted_at is null;
create index todos_deleted on todos (deleted_at, owner) where deleted_at is not null;
create index todos_remnants on todos (owner, deleted_at) where deleted_at is not null;
create table tags (
    owner blob not null,
    tag text not null,
    todo blob not null,
    open integer not null,
    primary key (owner, tag, todo),
    foreign key (owner, todo) references todos (owner, id) on delete cascade
) without rowid;
create index tags_of_todo on tags (owner, todo);
create table once (
    id blob primary key,
    digest blob not null,
    answer blob not null,
    at integer not null
) without rowid;
create index once_at on once (at);
