-- expand
create table kinds (
    id bigint primary key,
    flag boolean,
    number bigint,
    size double precision,
    words text,
    bytes bytea,
    at timestamptz,
    uid uuid,
    doc jsonb
);
