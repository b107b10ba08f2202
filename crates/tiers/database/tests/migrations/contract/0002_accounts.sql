-- expand
create table owners (name text primary key);

create table accounts (
    id bigint primary key,
    owner text not null references owners (name),
    title text unique,
    balance bigint not null,
    constraint balance_is_not_negative check (balance >= 0)
);
