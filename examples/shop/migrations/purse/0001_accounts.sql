-- expand
create table accounts (
    customer text primary key,
    balance bigint not null,
    constraint nobody_owes check (balance >= 0)
);

-- A line that is not kept was paid back, or marks an order that may not be charged any more.
create table payments (
    number bigint primary key,
    customer text references accounts (customer),
    amount bigint not null,
    kept boolean not null
);
