-- What a run's webhook is told of: 1 its end, 2 its questions, 3 both.
alter table runs add column tells integer not null default 0;

-- Where a run's webhook is, and what its calls are signed with if not with the owner's secrets.
create table webhooks (
    n        integer primary key,
    url      text    not null,
    receiver text    not null,      -- host and port
    secret   text,
    form     integer not null       -- 0 official, 1 the guide's
);

-- What is or was owed to a webhook: one a fact that is told.
create table deliveries (
    d          integer primary key,
    n          integer not null,
    seq        integer not null,
    owner      text    not null,
    receiver   text    not null,
    owed_at    integer not null,
    tries      integer not null,
    since      integer,
    due_at     integer,             -- owed: not before; under way: when the lease runs out; else null
    token      integer,             -- under way: of the sender that is at it
    settled_at integer,
    outcome    integer not null     -- 0 owed, 1 delivered, 2 given up
);
create unique index deliveries_of_a_run on deliveries (n, seq);
create index deliveries_due on deliveries (owner, receiver, due_at) where due_at is not null;

-- The receivers that something of an owner's is owed to, each with a moment before which nothing is due there. So a claim
-- looks at those only that may have something, however many there are, and however long the line of one is. Each owner has
-- lines of his own: what one's receivers do is nothing to another.
create table receivers (
    owner    text    not null,
    receiver text    not null,
    next_due integer not null,
    primary key (owner, receiver)
) without rowid;
create index receivers_due on receivers (owner, next_due);

-- What a delivery says: the same bytes at every attempt.
create table delivery_bodies (d integer primary key, body blob not null);

create table attempts (
    d           integer not null,
    number      integer not null,
    at          integer not null,
    took        integer not null,
    status      integer,            -- null: there was no answer
    retry_after integer,
    said        text    not null,   -- the first bytes of the answer, or why there was none
    primary key (d, number)
) without rowid;
