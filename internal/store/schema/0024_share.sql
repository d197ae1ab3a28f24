-- What people take of a record and send on, and links that show a summary.

-- One row for each time that somebody viewed the whole record, downloaded it
-- or sent it on: the activity log of 45 CFR 170.315(e)(1)(ii).
create table taken (
	id         text     primary key,
	patient    text     not null,
	at         bigint   not null,
	action     text     not null check (action in ('view', 'download', 'transmit', 'open')),
	form       text     not null, -- page, ccd, fhir, ips
	what       text     not null, -- the range of days, a visit, or nothing for everything
	recipient  text     not null default '', -- to whom, where it was sent or opened
	plainly    smallint not null default 0 check (plainly in (0, 1)), -- sent without protection, by their own choice
	actor_kind text     not null,
	actor      text     not null,
	name       text     not null default '' -- who, as shown on the page
);
create index taken_patient on taken (patient, at);

-- SMART Health Links: what is behind one is encrypted with a key that is in
-- the link alone. sealed holds the link itself, so that whoever made it can
-- show it again.
create table share (
	id        text     primary key,
	hash      text     not null unique, -- of the token in the link's address
	patient   text     not null,
	account   text     not null,
	maker     text     not null default '', -- as shown
	label     text     not null default '',
	flags     text     not null, -- of L, P and U
	sealed    bytea    not null,
	body      text     not null default '', -- the encrypted file; empty: made anew at each opening
	passcode  text     not null default '', -- a keyed hash; empty: none
	tries     bigint   not null default 0, -- wrong passcodes that are left, for good
	from_at   bigint   not null default 0,
	to_at     bigint   not null default 0,
	made_at   bigint   not null,
	until_at  bigint   not null,
	ended_at  bigint   not null default 0
);
create index share_patient on share (patient, made_at);

-- Each time that a link was opened, or a passcode was wrong.
create table share_opening (
	id        text     primary key,
	share     text     not null,
	at        bigint   not null,
	recipient text     not null default '', -- as they called themselves
	opened    smallint not null check (opened in (0, 1))
);
create index share_opening_share on share_opening (share, at);

-- What somebody brought by a link of another system, until they have said
-- that it may go to the clinic.
create table brought (
	id       text   primary key,
	patient  text   not null,
	account  text   not null,
	sealed   bytea  not null,
	made_at  bigint not null,
	until_at bigint not null
);
create index brought_until on brought (until_at);
