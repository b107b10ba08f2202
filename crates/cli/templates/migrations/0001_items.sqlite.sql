-- expand
create table items (
    -- A number is never used again, so that removing an item twice removes no other.
    id integer primary key autoincrement,
    text text not null
);
