-- expand
create table followed (
    owner uuid not null,
    todo uuid not null,
    version bigint not null,
    primary key (owner, todo)
);
create table reminders (
    owner uuid not null,
    id uuid not null,
    todo uuid not null,
    at timestamptz not null,
    state text not null check (state in ('waiting', 'suspended', 'skipped', 'sent')),
    primary key (owner, id)
);
create index reminders_of_todo on reminders (owner, todo, at);
create index reminders_over on reminders (at) where state <> 'waiting';
