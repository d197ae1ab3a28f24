-- The links in texts and e-mails. Only the hash of a token is kept, so the
-- table opens nothing.
create table link (
	id           text   primary key,
	token_hash   text   not null unique, -- SHA-256, hexadecimal
	message      text   not null,
	patient      text   not null,
	factor       text   not null check (factor in ('dob', 'none')),
	made_at      bigint not null,
	expires_at   bigint not null,
	fails        bigint not null default 0 check (fails between 0 and 6), -- wrong answers in all; the sixth ends the link
	locked_until bigint not null default 0, -- 0: not locked
	dead_at      bigint not null default 0, -- 0: alive; too many wrong answers
	retracted_at bigint not null default 0, -- 0: not taken back
	opened_at    bigint not null default 0  -- 0: never opened; the first time the factor was passed
);
create index link_message on link (message);
create index link_expires on link (expires_at);

-- A browser that has given the right answer for a patient within 30 days.
create table link_device (
	hash       text   not null, -- of the token in the browser's cookie
	patient    text   not null,
	made_at    bigint not null,
	expires_at bigint not null,
	primary key (hash, patient)
) /* sqlite: without rowid */;
create index link_device_expires on link_device (expires_at);

-- The half hour after a link was opened, in which its pages show.
create table link_session (
	hash       text   primary key, -- of the token in the browser's cookie
	link       text   not null references link (id) on delete cascade,
	made_at    bigint not null,
	expires_at bigint not null
) /* sqlite: without rowid */;
create index link_session_expires on link_session (expires_at);

-- How often a link was fetched and what the fetching looked like. A fetch
-- opens nothing; one row per look, however often.
create table link_fetch (
	link     text   not null references link (id) on delete cascade,
	method   text   not null check (method in ('GET', 'HEAD')),
	agent    text   not null check (agent in ('browser', 'preview', 'robot', 'none')),
	language smallint not null check (language in (0, 1)), -- 1: it sent Accept-Language
	prefetch smallint not null check (prefetch in (0, 1)), -- 1: it sent Sec-Purpose, Purpose or X-Moz
	actor    text   not null check (actor in ('machine', 'suspect', 'unknown')),
	n        bigint not null,
	first_at bigint not null,
	last_at  bigint not null,
	primary key (link, method, agent, language, prefetch)
) /* sqlite: without rowid */;

-- Fresh links asked for by patients, to keep them few.
create table link_fresh (
	message text   not null,
	at      bigint not null,
	primary key (message, at)
) /* sqlite: without rowid */;

-- Answers to links that are not there, by day: a probe shows here, and
-- costs what an answer to a real link costs.
create table link_miss (
	day bigint primary key, -- days since 1970
	n   bigint not null
);
