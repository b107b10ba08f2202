-- expand
-- A line that is not sent was recalled, or marks an order that may not be shipped any more.
create table parcels (
    number bigint primary key,
    item text,
    count bigint not null,
    address text,
    sent boolean not null
);
