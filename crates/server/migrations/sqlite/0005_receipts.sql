-- What was created by whom for which request, so that the same request is not done twice: by its `Idempotency-Key`, or as
-- an official SDK's own retry. `answer` is what was created, as the store needs it to give the same answer again.
create table receipts (
    id     integer primary key,
    owner  text    not null,
    route  text    not null,
    key    text,                    -- the caller's; null: recognised as a retry
    retry  integer,                 -- how often an SDK had tried before
    body   blob    not null,        -- SHA-256 of the request's
    at     integer not null,
    n      integer,                 -- the run, if it is one
    taken  integer not null,        -- a retry has taken it over, or its answer was handed over
    answer text    not null
);
create unique index receipts_by_key on receipts (owner, route, key) where key is not null;
create index receipts_by_body on receipts (owner, route, body, retry) where key is null and taken = 0;
create index receipts_by_run on receipts (n) where n is not null;
create index receipts_by_age on receipts (at);
