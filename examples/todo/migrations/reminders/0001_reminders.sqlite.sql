-- expand
create table followed (
    owner blob not null,
    todo blob not null,
    version integer not null,
    primary key (owner, todo)
) without rowid;
create table reminders (
    owner blob not null,
    id blob not null,
    todo blob not null,
    at integer not null,
    state text not null check (state in ('waiting', 'suspended', 'skipped', 'sent')),
    primary key (owner, id)
) without rowid;
create index reminders_of_todo on reminders (owner, todo, at);
create index reminders_over on reminders (at) where state <> 'waiting';
