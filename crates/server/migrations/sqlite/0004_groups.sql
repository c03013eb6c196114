-- A group, with a count for each state of its runs: changed in the transaction that changes a run.
create table task_groups (
    m           integer primary key,
    id          blob    not null unique,
    owner       text    not null,
    created_at  integer not null,
    metadata    text,
    modified_at integer not null,
    last_place  integer not null,   -- of the last run that was added
    last_end    integer not null,   -- of the last end that was told
    queued      integer not null,
    running     integer not null,
    asking      integer not null,
    cancelling  integer not null,
    completed   integer not null,
    failed      integer not null,
    cancelled   integer not null
);

-- The runs of a group in the order in which they were added.
create table group_runs (m integer not null, place integer not null, n integer not null, primary key (m, place)) without rowid;
create unique index group_runs_by_run on group_runs (n);

-- The ends of a group's runs in the order in which they were committed, by their places in the log of all runs.
create table group_ends (m integer not null, g integer not null, n integer not null, primary key (m, g)) without rowid;
