-- Times are microseconds since 1970. Runs are referred to by the integer `n`, which rises as runs are accepted.

create table meta (key text primary key, value text not null) without rowid;

-- One narrow row a run: what changes is rewritten often, so bodies lie elsewhere.
create table runs (
    n           integer primary key,
    id          blob    not null unique,
    owner       text    not null,
    processor   text    not null,
    created_at  integer not null,
    metadata    text,
    warnings    text,
    group_id    blob,
    events      integer not null,
    deadline    integer,
    -- The life, from here on.
    status      integer not null,
    version     integer not null,
    modified_at integer not null,
    attempts    integer not null,
    finish      integer not null,
    meter       integer not null,
    moment      integer,            -- queued: not before; cancelling: stop by
    detail      text,               -- action_required: the question; failed: why
    expires_at  integer             -- when time alone changes it
);
create index runs_by_owner on runs (owner);
create index runs_that_expire on runs (expires_at) where expires_at is not null;

create table inputs  (n integer primary key, body blob not null);
create table outputs (n integer primary key, body blob not null);

-- The log. `g` orders the facts of all runs as they were committed.
create table facts (
    g    integer primary key,
    n    integer not null,
    seq  integer not null,
    at   integer not null,
    key  text,
    what text    not null
);
create unique index facts_of_a_run on facts (n, seq);
create unique index facts_said_once on facts (n, key) where key is not null;

-- What waits for a worker, in the order in which it is looked for.
create table queue (
    processor  text    not null,
    owner      text    not null,
    not_before integer not null,
    n          integer not null,
    primary key (processor, owner, not_before, n)
) without rowid;

-- What is being worked on, and by what right.
create table leases (
    n       integer primary key,
    owner   text    not null,
    node    integer not null,
    token   integer not null,
    attempt integer not null,
    until   integer not null
);
