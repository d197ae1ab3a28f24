-- What two people have to agree on before it happens: a large outreach, a
-- looser rule. An approval holds for exactly what was shown; sum names it.
create table approval (
	id         text   primary key,
	subject    text   not null, -- outreach/ID, matrix, …
	sum        text   not null, -- SHA-256 of what is to be approved, hexadecimal
	content    text   not null, -- the same in lines that people read, for what changed since
	note       text   not null default '', -- why it is asked for
	state      text   not null check (state in ('asked', 'approved', 'refused', 'withdrawn', 'void')),
	asked_by   text   not null, -- the account
	asked_name text   not null default '',
	asked_at   bigint not null,
	ended_by   text   not null default '',
	ended_name text   not null default '',
	ended_at   bigint not null default 0,
	reason     text   not null default '', -- the word of who decided
	check (state <> 'approved' or ended_by <> asked_by)
);
create unique index approval_open on approval (subject) where state = 'asked';
create index approval_subject on approval (subject, asked_at);

-- Texts kept to be used again. A version never changes once it is approved;
-- a change makes the next one.
create table library (
	id          text   primary key,
	key         text   not null, -- what the versions of one text share
	version     bigint not null,
	name        text   not null,
	purpose     text   not null,
	service     text   not null default '',
	state       text   not null check (state in ('draft', 'approved', 'retired')),
	template    text   not null, -- JSON
	created_by  text   not null, -- the account
	created_name text  not null default '',
	created_at  bigint not null,
	ended_by    text   not null default '', -- who approved or retired it
	ended_name  text   not null default '',
	ended_at    bigint not null default 0,
	unique (key, version),
	check (state <> 'approved' or ended_by <> created_by)
);
create unique index library_draft on library (key) where state = 'draft';
