-- The work queue of a SQLite installation. PostgreSQL has River's own
-- tables instead and leaves this one empty.
create table job (
	id           text    primary key,
	kind         text    not null,
	args         text    not null, -- JSON
	state        text    not null check (state in ('ready', 'running', 'done', 'failed')),
	run_at       bigint  not null, -- not before; the next try of one that failed
	lease_until  bigint  not null default 0, -- running: whoever runs it must have renewed it by then
	attempt      integer not null default 0,
	max_attempts integer not null check (max_attempts > 0),
	unique_key   text,             -- kept while it stands for others like it
	last_error   text    not null default '',
	added_at     bigint  not null,
	finished_at  bigint  not null default 0,
	unique (kind, unique_key)
);
create index job_due on job (state, run_at);
