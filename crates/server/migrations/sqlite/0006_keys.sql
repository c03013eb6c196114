-- The keys that were made for callers. Of a key itself only its SHA-256 is kept; one that opens nothing any more stays
-- here until it is forgotten, since it keeps the server from being everybody's.
create table keys (
    k          integer primary key, -- rises as keys are made
    digest     blob    not null unique,
    name       text    not null,
    ending     text    not null,    -- its last characters, by which people tell keys apart
    owner      text    not null,
    created_at integer not null,
    expires_at integer,
    revoked_at integer
);
