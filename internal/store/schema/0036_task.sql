-- What patients asked of the clinic: FHIR Tasks of Hale's own, kept in the
-- transaction that writes the resource.
create table task (
	id         text   primary key, -- Task.id
	patient    text   not null,
	kind       text   not null,
	title      text   not null,
	said       text   not null, -- in the patient's words
	focus      text   not null, -- Type/id of what it is about; empty: nothing in the record
	status     text   not null,
	team       text   not null, -- who got it
	owner      text   not null, -- the account that has it; empty: the team
	owner_name text   not null,
	asked_by   text   not null, -- who asked, by name; empty: the patient
	asked_at   bigint not null,
	due_at     bigint not null,
	changed_at bigint not null,
	closed_at  bigint not null, -- 0: open
	reason     text   not null, -- why it was closed
	answer     text   not null,
	detail     text   not null  -- JSON: what was filled in, and the steps
);
create index task_patient on task (patient, closed_at, due_at);
create index task_open on task (due_at, id) where closed_at = 0;
create index task_owner on task (owner, due_at) where closed_at = 0;
create index task_closed on task (closed_at) where closed_at > 0;

-- What the clinic promises about each kind, where that is not the usual.
create table task_rule (
	kind       text   primary key,
	days       bigint not null, -- working days; 0: hours count
	hours      bigint not null, -- working hours
	team       text   not null,
	changed_by text   not null,
	changed_at bigint not null
) /* sqlite: without rowid */;

-- Texts that answer again and again, and where they are used.
create table saved_reply (
	id         text   primary key,
	kind       text   not null default '', -- empty: every kind
	title      text   not null,
	words      text   not null,
	changed_by text   not null,
	changed_at bigint not null,
	ended_at   bigint not null default 0
);

-- When a member of staff looked at a patient's portal as the patient sees it.
create table seen_as (
	session  text   primary key, -- a hash of the session, as in the audit log
	account  text   not null,
	patient  text   not null,
	begun_at bigint not null,
	until    bigint not null,
	ended_at bigint not null default 0
) /* sqlite: without rowid */;
