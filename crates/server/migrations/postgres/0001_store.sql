-- Times are microseconds since 1970. Runs are referred to by their ids, which the program makes; there are no triggers, no
-- foreign keys and no locks but those of rows, so that PostgreSQL's relatives can keep a store as well.

create table meta (key text primary key, value text not null);

-- The last place that was given in the log of all runs. Whoever adds to the log holds this row until the commit, last of
-- all: so places appear in their order, and who follows the log misses nothing.
create table log_end (one bigint primary key check (one = 1), g bigint not null) with (fillfactor = 10);
insert into log_end (one, g) values (1, 0);

create sequence run_numbers;

-- One narrow row a run: what changes is rewritten often, so bodies lie elsewhere.
create table runs (
    id          uuid    primary key,
    n           bigint  not null default nextval('run_numbers'),    -- rises as runs are accepted
    owner       text    not null,
    processor   text    not null,
    created_at  bigint  not null,
    metadata    text,
    labels      text[]  not null,   -- the metadata as `key=value`, to be searched
    warnings    text,
    group_id    uuid,
    previous_id uuid,               -- whose interaction it goes on from
    rerun_of    uuid,               -- whose request it is once more
    events      boolean not null,
    deadline    bigint,
    tells       bigint  not null,   -- what its webhook is told of: 1 its end, 2 its questions, 3 both
    -- The life, from here on.
    status      bigint  not null,
    version     bigint  not null,
    modified_at bigint  not null,
    attempts    bigint  not null,
    finish      boolean not null,
    meter       bigint  not null,
    moment      bigint,             -- queued: not before; cancelling: stop by
    detail      text,               -- action_required: the question; failed: why
    expires_at  bigint              -- when time alone changes it
) with (fillfactor = 70);
create unique index runs_by_owner on runs (owner, n);
create index runs_by_age on runs (created_at);
create index runs_that_expire on runs (expires_at) where expires_at is not null;
create index runs_by_previous on runs (previous_id) where previous_id is not null;

create table inputs  (run uuid primary key, body bytea not null);
create table outputs (run uuid primary key, body bytea not null);

-- The log. `g` orders the facts of all runs as they were committed.
create table facts (
    g    bigint primary key,
    run  uuid   not null,
    seq  bigint not null,
    at   bigint not null,
    key  text,
    what text   not null
);
create unique index facts_of_a_run on facts (run, seq);
create unique index facts_said_once on facts (run, key) where key is not null;

-- What waits for a worker, in the order in which it is looked for. Rows come and go all the time: see `tend.rs`.
create table queue (
    processor  text   not null,
    owner      text   not null,
    not_before bigint not null,
    n          bigint not null,
    run        uuid   not null,
    primary key (processor, owner, not_before, n)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- Held by whoever claims under a limit, so that claims under limits count each other.
create table gate (one bigint primary key check (one = 1));
insert into gate (one) values (1);

-- What is being worked on, and by what right.
create table leases (
    run       uuid   primary key,
    owner     text   not null,
    processor text   not null,
    node      bigint not null,
    token     bigint not null,
    attempt   bigint not null,
    until     bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

-- Where a run's webhook is, and what its calls are signed with if not with the owner's secrets.
create table webhooks (
    run      uuid   primary key,
    url      text   not null,
    receiver text   not null,       -- host and port
    secret   text,
    form     bigint not null        -- 0 official, 1 the guide's
);

-- What is or was owed to a webhook: one a fact that is told.
create table deliveries (
    run        uuid   not null,
    seq        bigint not null,
    owner      text   not null,
    receiver   text   not null,
    owed_at    bigint not null,
    tries      bigint not null,
    since      bigint,
    due_at     bigint,              -- owed: not before; under way: when the lease runs out; else null
    token      bigint,              -- under way: of the sender that is at it
    settled_at bigint,
    outcome    bigint not null,     -- 0 owed, 1 delivered, 2 given up
    primary key (run, seq)
) with (fillfactor = 70);
create index deliveries_due on deliveries (owner, receiver, due_at) where due_at is not null;

-- What a delivery says: the same bytes at every attempt.
create table delivery_bodies (run uuid not null, seq bigint not null, body bytea not null, primary key (run, seq));

create table attempts (
    run         uuid   not null,
    seq         bigint not null,
    number      bigint not null,
    at          bigint not null,
    took        bigint not null,
    status      bigint,             -- null: there was no answer
    retry_after bigint,
    said        text   not null,    -- the first bytes of the answer, or why there was none
    primary key (run, seq, number)
);

-- A group, with a count for each state of its runs: changed in the transaction that changes a run.
create table task_groups (
    id          uuid   primary key,
    owner       text   not null,
    created_at  bigint not null,
    metadata    text,
    modified_at bigint not null,
    last_place  bigint not null,    -- of the last run that was added
    last_end    bigint not null,    -- of the last end that was told
    queued      bigint not null,
    running     bigint not null,
    asking      bigint not null,
    cancelling  bigint not null,
    completed   bigint not null,
    failed      bigint not null,
    cancelled   bigint not null
) with (fillfactor = 50);

-- The runs of a group in the order in which they were added.
create table group_runs (group_id uuid not null, place bigint not null, run uuid not null, primary key (group_id, place));
create unique index group_runs_by_run on group_runs (run);

-- The ends of a group's runs in the order in which they were committed, by their places in the log of all runs.
create table group_ends (group_id uuid not null, g bigint not null, run uuid not null, primary key (group_id, g));
create unique index group_ends_by_run on group_ends (run);

create sequence receipt_numbers;

-- What was created by whom for which request, so that the same request is not done twice: by its `Idempotency-Key`, or as
-- an official SDK's own retry. `answer` is what was created, as the store needs it to give the same answer again.
create table receipts (
    id     bigint  primary key default nextval('receipt_numbers'),
    owner  text    not null,
    route  text    not null,
    key    text,                    -- the caller's; null: recognised as a retry
    retry  bigint,                  -- how often an SDK had tried before
    body   bytea   not null,        -- SHA-256 of the request's
    at     bigint  not null,
    run    uuid,                    -- the run, if it is one
    taken  boolean not null,        -- a retry has taken it over, or its answer was handed over
    answer text    not null
);
create unique index receipts_by_key on receipts (owner, route, key) where key is not null;
create index receipts_by_body on receipts (owner, route, body, retry) where key is null and not taken;
create index receipts_by_run on receipts (run) where run is not null;
create index receipts_by_age on receipts (at);

create sequence key_numbers;

-- The keys that were made for callers. Of a key itself only its SHA-256 is kept; one that opens nothing any more stays
-- here until it is forgotten, since it keeps the server from being everybody's.
create table keys (
    k          bigint primary key default nextval('key_numbers'),
    digest     bytea  not null unique,
    name       text   not null,
    ending     text   not null,     -- its last characters, by which people tell keys apart
    owner      text   not null,
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint
);

-- What was asked and what was answered, by word.
create table words (run uuid primary key, said tsvector not null);
create index words_said on words using gin (said);

-- The fact up to which the search has followed the log. At 0 it begins anew.
create table search_state (one bigint primary key check (one = 1), g bigint not null);
insert into search_state (one, g) values (1, 0);

-- Texts that were cited, kept as they were read. Nothing here is ever changed or removed.
create table sources (
    hash         bytea  primary key,    -- SHA-256 of the text
    url          bytea  not null,       -- UTF-8; a text could not hold every character of it
    url_hash     bytea  not null,       -- SHA-256 of it: it may be too long for an index
    retrieved_at bigint,                -- null: it came with the program
    body         bytea  not null        -- the text with its title, as packed JSON
);
create index sources_by_url on sources (url_hash, retrieved_at);

-- The processes that share the store, each with what it works with.
create table nodes (
    id         bigint primary key,
    role       text   not null,
    host       text   not null,
    address    text   not null,
    version    text   not null,
    started_at bigint not null,
    seen_at    bigint not null,
    processors text   not null      -- JSON: to each name its fingerprint
);
