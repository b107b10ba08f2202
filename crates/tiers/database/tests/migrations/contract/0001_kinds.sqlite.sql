-- expand
create table kinds (
    id integer primary key,
    flag integer,
    number integer,
    size real,
    words text,
    bytes blob,
    at integer,
    uid blob,
    doc text
);
