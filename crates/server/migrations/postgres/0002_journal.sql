-- Whether anything lies beside a run that is for its work alone; it goes with the run's end.
alter table runs add column papers boolean not null default false;

-- The steps of runs under way that were taken and are not taken again, by `s` in the order in which they were kept. Whoever
-- adds to those of a run holds the run.
create table journal (run uuid not null, s bigint not null, key text not null, body bytea not null, primary key (run, s))
    with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create unique index journal_by_key on journal (run, key);

-- What runs under way were given that nobody is shown.
create table secrets (run uuid primary key, body text not null);
