-- The keys that sign outgoing mail (RFC 6376). A domain has one that signs of
-- each algorithm, and may have others: published and waiting, or retired and
-- still published for mail that is under way.
create table mail_key (
	id         text   primary key,
	domain     text   not null,
	selector   text   not null,
	algorithm  text   not null check (algorithm in ('rsa', 'ed25519')),
	public     text   not null, -- what the DNS record holds in p=
	sealed     bytea  not null, -- the private key
	made_at    bigint not null,
	active_at  bigint not null default 0, -- 0: waits until its record is published
	retired_at bigint not null default 0, -- 0: signs, or waits to
	unique (domain, selector, algorithm)
);

-- Mail that came back or was answered. The row is written before the peer
-- hears that we have it, and keeps the letter until it is dealt with.
create table mail_in (
	id      text   primary key,
	digest  text   not null unique, -- keyed hash of what came and to whom: the same letter twice is one
	at      bigint not null,
	size    bigint not null,
	route   text   not null check (route in ('bounce', 'reply', 'stop', 'other')), -- which of our addresses it came to
	state   text   not null check (state in ('new', 'done', 'unknown', 'failed')),
	kind    text   not null default '', -- what it was: bounce, delayed, delivered, complaint, auto_reply, reply, stop
	message text   not null default '', -- the message of ours that it is about
	verdict text   not null default '', -- whether its sender was proven, and how
	tries   bigint not null default 0,
	files   text   not null default '', -- the documents made of what was attached, comma between; - for one not taken
	sealed  bytea  not null -- envelope and letter; empty once it is dealt with
);
create index mail_in_new on mail_in (at, id) where state = 'new';
create index mail_in_left on mail_in (at) where state in ('unknown', 'failed');

-- Why mail to an address came back: the strongest reason of each message.
create table bounce (
	message      text   primary key,
	channel      text   not null,
	address_hash text   not null, -- keyed, as in message
	kind         text   not null check (kind in ('soft', 'block', 'policy', 'hard')),
	reason       text   not null,
	status       text   not null default '',
	at           bigint not null,
	again_at     bigint not null default 0 -- nothing goes there until then; 0: never again
);
create index bounce_address on bounce (address_hash, at);
