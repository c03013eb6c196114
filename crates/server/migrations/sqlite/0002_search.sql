-- What was asked and what was answered, by word. The texts themselves stand in inputs and outputs; a row is a run's `n`.
create virtual table search using fts5 (
    asked, answered, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- The fact up to which the search has followed the log. At 0 it begins anew.
create table search_state (one integer primary key check (one = 1), g integer not null);
insert into search_state (one, g) values (1, 0);
