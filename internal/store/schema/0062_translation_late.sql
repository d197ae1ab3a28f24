-- When somebody was told that a translation is late, and whom it was raised
-- to: an account with its name, or no account and all who translate.
alter table translation add column raised_at   bigint not null default 0;
alter table translation add column raised_to   text   not null default '';
alter table translation add column raised_name text   not null default '';
