-- Messages between patients, those who act for them, and the teams of the
-- clinic. The words are FHIR Communications; this view is made from them.
create table communication (
	patient    text   not null,
	id         text   not null,
	thread     text   not null, -- the Communication that began it
	sent_at    bigint not null,
	side       text   not null check (side in ('patient', 'caregiver', 'clinic')),
	name       text   not null, -- of a caregiver or of who answered
	via        text   not null, -- portal, page, sms, email, phone
	reason     text   not null,
	title      text   not null,
	body       text   not null,
	files      text   not null, -- JSON list of title, media and size; empty for none
	source     text   not null,
	updated_at bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;
create index communication_sent on communication (patient, sent_at);
create index communication_thread on communication (thread, sent_at);

-- How far a thread came: who waits since when, and who has it.
create table thread (
	id         text   primary key, -- the Communication that began it
	patient    text   not null,
	reason     text   not null,
	about      text   not null default '', -- the message of an outreach, or Type/id
	state      text   not null check (state in ('open', 'closed')),
	task       text   not null default '', -- the task that is or was last open about it
	due_at     bigint not null default 0,
	heard_at   bigint not null default 0, -- last words of the patient or for them
	heard_by   text   not null default '', -- the account of who wrote them; empty: the patient
	waiting_at bigint not null default 0, -- the first of them without an answer; 0: nobody waits
	seen_at    bigint not null default 0, -- when the clinic first looked at what waits
	said_at    bigint not null default 0, -- last words of the clinic
	made_at    bigint not null,
	last_at    bigint not null,
	closed_at  bigint not null default 0,
	closed_by  text   not null default '',
	why        text   not null default ''
);
create index thread_patient on thread (patient, last_at);
create index thread_about on thread (about) where about <> '';
create index thread_state on thread (state, last_at);
create index thread_asks on thread (id) where waiting_at > 0 and task = '';

-- Up to when each reader has read a thread; the patient's own reading stands
-- under the word patient.
create table thread_look (
	thread text   not null,
	reader text   not null,
	at     bigint not null,
	primary key (thread, reader)
) /* sqlite: without rowid */;

-- Which message told of which answer: what is said back to it belongs there.
create table thread_notice (
	message       text   primary key,
	thread        text   not null,
	communication text   not null,
	made_at       bigint not null
) /* sqlite: without rowid */;
create index thread_notice_thread on thread_notice (thread);

-- What came by text, mail or page, so that it counts once.
create table thread_heard (
	dedupe text   primary key,
	thread text   not null,
	at     bigint not null
) /* sqlite: without rowid */;

-- What the staff note for each other; the patient never sees it.
create table thread_note (
	id     text   primary key,
	thread text   not null,
	at     bigint not null,
	by     text   not null, -- the account
	body   bytea  not null  -- sealed
);
create index thread_note_thread on thread_note (thread, at, id);

-- What the clinic says before a message is sent, such as that it may cost
-- something. Nothing stands here unless somebody wrote it.
create table thread_rule (
	name   text   primary key,
	words  text   not null,
	set_by text   not null,
	set_at bigint not null
) /* sqlite: without rowid */;
