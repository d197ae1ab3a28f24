-- A promise that passed is raised once: to whoever leads the team, or to all
-- of it. The times and names come from the Task, as the other columns do.
alter table task add column raised_at   bigint not null default 0; -- 0: never
alter table task add column raised_to   text   not null default ''; -- an account; empty: the whole team
alter table task add column raised_name text   not null default ''; -- of the lead, or the team

-- Who is told when a promise of a team passes.
create table task_lead (
	team       text   primary key,
	account    text   not null,
	changed_by text   not null,
	changed_at bigint not null
) /* sqlite: without rowid */;
