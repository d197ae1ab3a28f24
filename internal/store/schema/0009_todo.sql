-- What the staff did about what a patient said or about what went wrong: an
-- entry is closed with a word and can be opened again. Append only; the row
-- with the highest n holds. What there is to do is read from the messages
-- themselves.
create table todo (
	kind        text     not null check (kind in ('call', 'reply', 'notme', 'elsewhere', 'failed', 'doubt', 'stop')),
	subject     text     not null, -- the message, or of failed the intent
	n           bigint   not null,
	patient     text     not null,
	outreach    text     not null,
	channel     text     not null default '',
	happened_at bigint   not null,
	note        text     not null default '', -- what the patient wrote, as its event has it
	closed      smallint not null check (closed in (0, 1)),
	word        text     not null default '',
	by          text     not null, -- the account
	at          bigint   not null,
	primary key (kind, subject, n)
) /* sqlite: without rowid */;
create index todo_patient on todo (patient);
create index todo_at on todo (at);

-- What somebody may have to answer, among much that nobody has to.
create index message_event_said on message_event (kind, received_at)
	where kind in ('call_wanted', 'done_elsewhere', 'wrong_person', 'reply_wrong_person', 'replied', 'reply_stop');
create index intent_ended on intent (outreach) where state in ('exhausted', 'expired');
