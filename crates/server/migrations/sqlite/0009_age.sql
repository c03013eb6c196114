-- By which those are found that are old enough to be forgotten.
create index runs_by_age on runs (created_at);
