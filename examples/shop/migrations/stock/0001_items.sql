-- expand
create table items (
    name text primary key,
    price bigint not null,
    remaining bigint not null,
    constraint nothing_is_sold_twice check (remaining >= 0)
);

-- A line that is not held was released, or marks an order for which nothing may be reserved any more.
create table reservations (
    number bigint primary key,
    item text references items (name),
    count bigint not null,
    held boolean not null
);
