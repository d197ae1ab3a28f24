-- What a row tells beyond who, what and whose.
alter table audit add column behalf  text not null default ''; -- the patient whom a caregiver acted for
alter table audit add column about   text not null default ''; -- the thing: Observation/ab12, message/cd34, …
alter table audit add column purpose text not null default '';
alter table audit add column reason  text not null default ''; -- a code, or what was said for it
alter table audit add column digest  text not null default ''; -- SHA-256, in hexadecimal, of what was written
alter table audit add column session text not null default ''; -- a short hash of the session
alter table audit add column node    text not null default ''; -- the process that wrote it
create index audit_at on audit (at, id);

-- Rows without a place in the tree yet: a second's worth.
create table audit_wait (
	id text primary key
) /* sqlite: without rowid */;
insert into audit_wait (id) select id from audit;

-- The tree: which row is leaf n, counted from 0.
create table audit_leaf (
	n  bigint not null primary key,
	id text   not null unique
) /* sqlite: without rowid */;

-- Its hashes in the order of RFC 9162 stored hashes (golang.org/x/mod/sumdb/tlog), 256 in a block.
create table audit_hash (
	block  bigint not null primary key,
	hashes bytea  not null
);

-- How large it is. Whoever appends locks this row.
create table audit_tree (
	one    smallint not null primary key check (one = 1),
	origin text     not null, -- its name in checkpoints
	size   bigint   not null
);

-- What was signed: number 1, 2, 3, …
create table audit_checkpoint (
	number bigint not null primary key,
	size   bigint not null,
	at     bigint not null,
	note   text   not null
);

-- Who keeps copies of checkpoints, and how far each has come.
create table audit_witness (
	name      text   not null primary key,
	number    bigint not null default 0, -- the last checkpoint that it took
	taken_at  bigint not null default 0,
	failed_at bigint not null default 0, -- 0: the last attempt went well
	lease     bigint not null default 0  -- somebody is telling it, until then
);
