-- Which earlier runs a run comes from, by their ids: those stay when the runs are gone.
alter table runs add column previous_id blob;   -- whose interaction it goes on from
alter table runs add column rerun_of    blob;   -- whose request it is once more
create index runs_by_previous on runs (previous_id) where previous_id is not null;
