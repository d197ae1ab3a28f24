-- Paper is a channel like the others: a message may be a letter. On SQLite a
-- table's check is changed by making the table anew.
/* postgres: alter table message drop constraint message_channel_check; */
/* postgres: alter table message add constraint message_channel_check check (channel in ('email', 'sms', 'inbox', 'voice', 'letter')); */
/* sqlite:
create table message_anew (
	id            text     primary key,
	intent        text     not null,
	outreach      text     not null,
	patient       text     not null,
	purpose       text     not null,
	channel       text     not null check (channel in ('email', 'sms', 'inbox', 'voice', 'letter')),
	step          bigint   not null,
	state         text     not null check (state in ('scheduled', 'handing_off', 'uncertain', 'suppressed', 'cancelled', 'accepted', 'undelivered', 'given_up', 'delivered', 'seen', 'acted')),
	state_at      bigint   not null,
	reason        text     not null default '',
	mode          text     not null check (mode in ('full', 'notice')),
	require_tls   smallint not null default 0,
	lang          text     not null default '',
	address_hash  text     not null default '',
	address_mask  text     not null default '',
	body          bytea    not null,
	body_hash     text     not null,
	key           text     not null unique,
	provider_ref  text     not null default '',
	not_before    bigint   not null,
	expires_at    bigint   not null,
	attempts      bigint   not null default 0,
	cap_day       bigint   not null default 0,
	cap_class     text     not null default '',
	in_doubt      smallint not null default 0 check (in_doubt in (0, 1)),
	lease         text     not null default '',
	lease_until   bigint   not null default 0,
	created_at    bigint   not null,
	accepted_at   bigint   not null default 0,
	delivered_at  bigint   not null default 0,
	first_seen_at bigint   not null default 0,
	acted_at      bigint   not null default 0,
	recipient     text     not null default ''
);
insert into message_anew (id, intent, outreach, patient, purpose, channel, step, state, state_at, reason, mode, require_tls, lang, address_hash, address_mask,
	body, body_hash, key, provider_ref, not_before, expires_at, attempts, cap_day, cap_class, in_doubt, lease, lease_until, created_at, accepted_at, delivered_at,
	first_seen_at, acted_at, recipient)
select id, intent, outreach, patient, purpose, channel, step, state, state_at, reason, mode, require_tls, lang, address_hash, address_mask,
	body, body_hash, key, provider_ref, not_before, expires_at, attempts, cap_day, cap_class, in_doubt, lease, lease_until, created_at, accepted_at, delivered_at,
	first_seen_at, acted_at, recipient
from message;
drop table message;
alter table message_anew rename to message;
create unique index message_step on message (intent, step);
create index message_patient on message (patient, created_at);
create index message_ref on message (provider_ref) where provider_ref <> '';
create index message_of on message (outreach);
create index message_to on message (address_hash);
*/

-- A letter to print: a message that a gateway put here. What it says stands
-- in the message.
create table letter (
	id          text   primary key,
	message     text   not null unique,
	key         text   not null unique, -- of the message, the same in every attempt
	patient     text   not null,
	outreach    text   not null,
	purpose     text   not null,
	state       text   not null check (state in ('waiting', 'batched', 'mailed', 'returned', 'ended')),
	reason      text   not null default '', -- why it came back, or why it was not mailed
	batch       bigint not null default 0,
	n           bigint not null default 0,  -- in its batch, from 1
	created_at  bigint not null,
	closed_at   bigint not null default 0,
	by          text   not null default ''  -- the account that said so last
);
create index letter_waiting on letter (created_at, id) where state = 'waiting';
create index letter_batch_of on letter (batch, n) where batch > 0;
create index letter_patient on letter (patient);

-- Letters that are printed and mailed together.
create table letter_batch (
	n          bigint primary key,
	made_by    text   not null,
	made_at    bigint not null,
	printed_at bigint not null default 0,
	mailed_at  bigint not null default 0,
	mailed_by  text   not null default ''
);
