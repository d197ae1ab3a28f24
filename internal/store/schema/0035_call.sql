-- Calls that the staff make: a step of an outreach by voice, a call that a
-- patient asked for, and those whom no message reached. What there is to call
-- is read from the messages themselves; a row here is the work on it.
create table call (
	id         text   primary key,
	kind       text   not null check (kind in ('message', 'asked', 'unreached')),
	subject    text   not null, -- the message's key, the event that asked, or the intent
	message    text   not null, -- whose words the caller says
	patient    text   not null,
	outreach   text   not null default '',
	purpose    text   not null,
	not_before bigint not null,
	expires_at bigint not null,
	tries      bigint not null default 0,
	state      text   not null check (state in ('open', 'done', 'given_up', 'ended')),
	outcome    text   not null default '', -- of the last try, or why it ended
	taken_by   text   not null default '', -- the account that has it open
	taken_till bigint not null default 0,
	created_at bigint not null,
	closed_at  bigint not null default 0,
	unique (kind, subject)
);
create index call_open on call (not_before, id) where state = 'open';
create index call_patient on call (patient, created_at);
create index call_closed on call (closed_at) where state <> 'open';
create index call_message on call (message);

-- Each time somebody dialled. Append only.
create table call_try (
	call    text   not null,
	n       bigint not null,
	outcome text   not null,
	note    text   not null default '',
	by      text   not null, -- the account
	at      bigint not null,
	next_at bigint not null default 0,
	primary key (call, n)
) /* sqlite: without rowid */;

-- Programs of the clinic's own that ask for messages and hear what became of
-- them.
create table outreach_key (
	id         text   primary key,
	name       text   not null,
	hash       text   not null unique, -- SHA-256 of the key
	made_by    text   not null,
	made_at    bigint not null,
	used_at    bigint not null default 0,
	ended_at   bigint not null default 0
);

-- Where events of outreach are told, and how far that has come.
create table webhook (
	id          text   primary key,
	host        text   not null, -- of its address, for reading
	body        bytea  not null, -- address and secret, sealed
	kinds       text   not null default '', -- which events, comma between; empty: all
	state       text   not null check (state in ('active', 'off')),
	reason      text   not null default '',
	made_by     text   not null,
	made_at     bigint not null,
	read_at     bigint not null, -- what happened up to then was looked at
	events      bigint not null default 0, -- the number of the last event
	sent        bigint not null default 0, -- and of the last that was taken
	failures    bigint not null default 0, -- in a row
	due_at      bigint not null default 0,
	claim       text   not null default '',
	lease_until bigint not null default 0
);
create index webhook_due on webhook (due_at) where state = 'active';

create table webhook_event (
	webhook  text   not null,
	n        bigint not null, -- from 1, without a gap
	event    text   not null, -- the message_event, or sent:MESSAGE:N
	message  text   not null,
	kind     text   not null,
	at       bigint not null,
	actor    text   not null default '',
	code     text   not null default '',
	added_at bigint not null,
	primary key (webhook, n)
) /* sqlite: without rowid */;
create unique index webhook_event_once on webhook_event (webhook, event);
create index webhook_event_added on webhook_event (added_at);

-- Messages that other systems sent to the same people: they count under the
-- same caps.
create table foreign_send (
	source  text   not null, -- the key that told of it
	ref     text   not null, -- the other system's own name for it
	patient text   not null,
	channel text   not null,
	class   text   not null,
	at      bigint not null,
	told_at bigint not null,
	primary key (source, ref)
) /* sqlite: without rowid */;
create index foreign_send_patient on foreign_send (patient, at);
