-- expand
create table orders (
    number bigint generated always as identity primary key,
    customer text not null,
    item text not null,
    count bigint not null,
    price bigint not null,
    address text not null,
    state text not null default 'open' check (state in ('open', 'shipped', 'refused'))
);
