-- What a stopped outreach sent is taken back in small parts: until all of it
-- is, the outreach is stopping.
alter table outreach add column stopping smallint not null default 0 check (stopping in (0, 1));
