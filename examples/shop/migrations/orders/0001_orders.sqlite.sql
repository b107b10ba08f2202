-- expand
create table orders (
    number integer primary key,
    customer text not null,
    item text not null,
    count integer not null,
    price integer not null,
    address text not null,
    state text not null default 'open' check (state in ('open', 'shipped', 'refused'))
);
