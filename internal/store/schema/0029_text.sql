-- Conversations: what people answered, by text, e-mail or on a page, and what
-- the staff said and did about it. One for each patient; one for each address
-- of which it is not known whose it is.
create table dialog (
	id           text     primary key,
	patient      text     not null default '', -- empty: nobody knows whose address it is
	address_hash text     not null default '', -- keyed hash of channel and address, where the patient is not known
	channel      text     not null,            -- of the last that was heard
	contact      bytea    not null,            -- sealed: the address that was last heard from
	state        text     not null check (state in ('open', 'closed')),
	unread       bigint   not null default 0,  -- heard since somebody looked
	heard_at     bigint   not null,            -- the last that was heard
	waiting_at   bigint   not null default 0,  -- the first that was heard and not answered; 0: none
	due_at       bigint   not null default 0,  -- an answer is due then
	last_at      bigint   not null,            -- the last that was heard, said or noted
	assigned     text     not null default '', -- an account of the staff
	assigned_at  bigint   not null default 0,
	stop         smallint not null default 0 check (stop in (0, 1)),  -- said STOP since it was last closed
	wrong        smallint not null default 0 check (wrong in (0, 1)), -- said to be somebody else
	closed_by    text     not null default '',
	closed_at    bigint   not null default 0,
	reason       text     not null default '', -- with which it was closed
	made_at      bigint   not null
);
create unique index dialog_patient on dialog (patient) where patient <> '';
create unique index dialog_address on dialog (address_hash) where address_hash <> '';
create index dialog_open on dialog (due_at, last_at) where state = 'open';
create index dialog_last on dialog (last_at);

-- One thing that was heard, answered, noted or done. Append only. What Hale
-- sent of itself is read from the messages and stands nowhere twice.
create table dialog_entry (
	id      text   primary key,
	dialog  text   not null,
	patient text   not null default '',
	kind    text   not null check (kind in ('heard', 'said', 'note', 'deed')),
	channel text   not null default '',
	message text   not null default '', -- heard: the one answered; said: the one sent
	at      bigint not null,
	by      text   not null default '', -- the account
	meaning text   not null default '', -- what was understood: stop, help, confirm, …
	body    bytea  not null,            -- sealed: words, address, attachments
	dedupe  text   not null unique
);
create index dialog_entry_dialog on dialog_entry (dialog, at, id);
create index dialog_entry_message on dialog_entry (message) where message <> '';
create index dialog_entry_patient on dialog_entry (patient) where patient <> '';

-- Who has a conversation open just now.
create table dialog_viewer (
	dialog  text   not null,
	account text   not null,
	name    text   not null,
	at      bigint not null,
	primary key (dialog, account)
) /* sqlite: without rowid */;

-- What the providers of texts report, kept as it came before it is answered,
-- and applied afterwards.
create table text_report (
	id        text   primary key,
	provider  text   not null,
	dedupe    text   not null, -- the provider's own name for it, or a hash of it
	body      bytea  not null, -- sealed
	at        bigint not null,
	state     text   not null check (state in ('new', 'done', 'unknown', 'refused')),
	tries     bigint not null default 0,
	next_at   bigint not null default 0,
	done_at   bigint not null default 0,
	detail    text   not null default ''
);
create unique index text_report_dedupe on text_report (provider, dedupe);
create index text_report_new on text_report (next_at, id) where state = 'new';
create index text_report_done on text_report (done_at) where state <> 'new';

-- Parts of long texts that came in, until all of one are there.
create table text_part (
	provider text   not null,
	sender   text   not null, -- keyed hash of who sent it and to which number
	ref      bigint not null,
	total    bigint not null,
	seq      bigint not null,
	report   text   not null,
	at       bigint not null,
	primary key (provider, sender, ref, total, seq)
) /* sqlite: without rowid */;
create index text_part_at on text_part (at);

-- What strangers had sent to numbers, by the hour: against those who are paid
-- by the text. bucket: all, prefix +234, or a keyed hash of a number or of
-- an address of the network.
create table text_spend (
	kind   text   not null check (kind in ('all', 'prefix', 'number', 'net')),
	bucket text   not null,
	hour   bigint not null, -- hours since 1970
	n      bigint not null,
	refused bigint not null default 0,
	primary key (kind, bucket, hour)
) /* sqlite: without rowid */;
create index text_spend_hour on text_spend (hour);

-- Which confirmation an address got for its STOP, and what it may still
-- answer about it.
create table text_asked (
	address_hash text   primary key, -- keyed hash of channel and address
	message      text   not null,    -- that asked
	purpose      text   not null default '',
	at           bigint not null,
	until_at     bigint not null,
	answer       text   not null default ''
);
