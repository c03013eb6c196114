-- Whether anything lies beside a run that is for its work alone; it goes with the run's end.
alter table runs add column papers integer not null default 0;

-- The steps of runs under way that were taken and are not taken again, by `s` in the order in which they were kept.
create table journal (
    s    integer primary key,
    n    integer not null,
    key  text    not null,
    body blob    not null
);
create index journal_in_order on journal (n, s);
create unique index journal_by_key on journal (n, key);

-- What runs under way were given that nobody is shown.
create table secrets (n integer primary key, body text not null);
