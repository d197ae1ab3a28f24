-- What an outreach is: '' goes out once; recurring makes a run of its own
-- each time; journey and api take people one by one while they run.
alter table outreach add column kind text not null default '' check (kind in ('', 'recurring', 'journey', 'api'));
alter table outreach add column parent text not null default ''; -- of a run: what repeats; of a journey's step: the journey
create index outreach_parent on outreach (parent) where parent <> '';

-- Why somebody is in an outreach more than once; which of several texts; and
-- what takes it back while it waits.
alter table intent add column trigger text not null default '';
alter table intent add column variant text not null default '';
alter table intent add column variant_p double precision not null default 1; -- the share of the variant among those not held out
alter table intent add column supersede text not null default '';
drop index intent_outreach;
create unique index intent_outreach on intent (outreach, patient, trigger);
create index intent_supersede on intent (supersede) where supersede <> '';

-- What the texts of one intent are filled with beside the record, sealed.
create table intent_values (
	intent text  primary key,
	sealed bytea not null
) /* sqlite: without rowid */;

-- Segments with a name; each change is a new version, and old ones stay.
create table segment (
	id         text   primary key,
	name       text   not null unique,
	version    bigint not null,
	retired    smallint not null default 0 check (retired in (0, 1)),
	created_by text   not null,
	created_at bigint not null
);
create table segment_version (
	segment text   not null references segment (id),
	n       bigint not null,
	expr    text   not null, -- JSON
	by      text   not null,
	at      bigint not null,
	primary key (segment, n)
) /* sqlite: without rowid */;

-- The last value of a kind, for segments: who has an A1c of 9 or more.
create index result_code on result (code, patient, at);

-- When an outreach starts by itself, and what to do if that time passed
-- while nothing ran.
create table outreach_schedule (
	outreach text   primary key,
	rule     text   not null default '',  -- JSON; empty: once
	next_at  bigint not null,             -- 0: no more
	late     text   not null check (late in ('send', 'skip', 'ask')),
	grace    bigint not null,             -- microseconds after which it is late
	asked_at bigint not null default 0,   -- waits for somebody's word since then
	why      text   not null default '',  -- late or restored
	labels   bigint not null default 0,   -- what the author could see of protected records
	by       text   not null,
	at       bigint not null
) /* sqlite: without rowid */;
create index outreach_schedule_next on outreach_schedule (next_at) where next_at > 0;
create table outreach_run (
	outreach text   not null,
	due_at   bigint not null,
	run      text   not null default '', -- the outreach that went out; empty: left out
	word     text   not null,            -- sent, skipped, late
	by       text   not null default '',
	at       bigint not null,
	primary key (outreach, due_at)
) /* sqlite: without rowid */;

-- Counts what started by itself. A copy of the count is kept outside the
-- database: a database that counts less was restored from a backup.
create table reach_fence (
	one bigint primary key check (one = 1),
	n   bigint not null
);
insert into reach_fence (one, n) values (1, 0);

create table journey (
	id         text   primary key,
	name       text   not null,
	state      text   not null check (state in ('draft', 'running', 'paused', 'stopped')),
	version    bigint not null default 0, -- published last; 0: none
	draft      text   not null,           -- the definition as it is being written; JSON
	since      bigint not null default 0, -- nothing before this enrols anybody
	created_by text   not null,
	created_at bigint not null
);
create table journey_version (
	journey    text   not null references journey (id),
	n          bigint not null,
	definition text   not null, -- JSON; never changed
	by         text   not null,
	at         bigint not null,
	primary key (journey, n)
) /* sqlite: without rowid */;

-- Each step that reaches somebody is an outreach of its own.
create table journey_outreach (
	journey  text   not null,
	version  bigint not null,
	node     text   not null,
	outreach text   not null,
	primary key (journey, version, node)
) /* sqlite: without rowid */;

-- One person's way through one journey for one cause.
create table enrolment (
	id          text   primary key,
	journey     text   not null,
	version     bigint not null,
	patient     text   not null,
	trigger_key text   not null,            -- the visit, the result, the day: what set it off
	subject     text   not null default '', -- what a later change of takes it back: Appointment/17
	data        text   not null default '{}',
	node        text   not null,
	state       text   not null check (state in ('moving', 'waiting', 'done', 'left', 'superseded', 'stopped', 'stuck')),
	wake_at     bigint not null default 0,
	intent      text   not null default '', -- of the step that reaches, while it waits for it
	listens     text   not null default '', -- what it waits for, beside the time
	heard_at    bigint not null default 0,  -- when that came
	steps       bigint not null default 0,
	outcome     text   not null default '',
	entered_at  bigint not null,            -- the node
	started_at  bigint not null,
	ended_at    bigint not null default 0
);
create unique index enrolment_once on enrolment (journey, patient, trigger_key);
create index enrolment_wake on enrolment (wake_at, id) where state in ('moving', 'waiting');
create index enrolment_subject on enrolment (subject) where state in ('moving', 'waiting') and subject <> '';
create index enrolment_intent on enrolment (intent) where state = 'waiting' and intent <> '';
create index enrolment_listens on enrolment (listens) where state = 'waiting' and listens <> '';
create index enrolment_node on enrolment (journey, node, state);
create index enrolment_patient on enrolment (patient, started_at);

create table enrolment_step (
	enrolment text   not null,
	n         bigint not null,
	node      text   not null,
	edge      text   not null, -- the way out of the node
	words     text   not null default '',
	at        bigint not null,
	primary key (enrolment, n)
) /* sqlite: without rowid */;

-- Each visit as journeys last knew it, so that one that moved is told from a
-- new one.
create table journey_seen (
	subject text   primary key, -- Appointment/17
	patient text   not null,
	word    text   not null,    -- booked, cancelled, …
	at      bigint not null     -- its start
) /* sqlite: without rowid */;

-- Who was in the segment that a journey waits at, at the last look.
create table journey_member (
	journey text   not null,
	patient text   not null,
	at      bigint not null, -- entered
	primary key (journey, patient)
) /* sqlite: without rowid */;

-- The day on which each journey last looked for birthdays and the like.
create table journey_look (
	journey text   primary key,
	at      bigint not null
) /* sqlite: without rowid */;

-- What a journey asks the staff to do.
create table journey_task (
	id        text   primary key,
	enrolment text   not null,
	journey   text   not null,
	patient   text   not null,
	words     text   not null,
	at        bigint not null,
	closed_at bigint not null default 0,
	closed_by text   not null default ''
);
create index journey_task_open on journey_task (at) where closed_at = 0;
create index journey_task_patient on journey_task (patient);
