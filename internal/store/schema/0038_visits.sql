-- Who waits for an earlier time of a visit that they have. The wish itself is
-- in the record, as Appointment.requestedPeriod; this is the line.
create table wait_entry (
	visit        text   primary key, -- Appointment.id: one place in the line for each visit
	patient      text   not null,
	account      text   not null, -- who asked
	service      text   not null,
	start_at     bigint not null, -- of the time they have
	practitioner text   not null, -- only with this one; empty: with anybody
	days         bigint not null, -- that suit: bit 0 is Sunday
	parts        bigint not null, -- of the day: 1 morning, 2 afternoon, 4 evening
	notice       bigint not null, -- hours they need to come
	since        bigint not null,
	state        text   not null check (state in ('waiting', 'got', 'left')),
	offer        text   not null, -- the open offer; empty: none. It is the lock: nobody has two
	lapsed       bigint not null default 0, -- offers without an answer
	updated_at   bigint not null
);
create index wait_line on wait_entry (service, lapsed, since, visit) where state = 'waiting';
create index wait_patient on wait_entry (patient);

-- Each time that somebody in the line was offered. While one is open its slot
-- is busy-tentative: nobody else can book it.
create table wait_offer (
	id         text   primary key,
	visit      text   not null,
	patient    text   not null,
	slot       text   not null,
	state      text   not null check (state in ('open', 'taken', 'declined', 'lapsed', 'void')),
	at         bigint not null,
	told_at    bigint not null default 0, -- 0: the message has not been made
	expires_at bigint not null,
	ended_at   bigint not null default 0
);
create index wait_offer_open on wait_offer (expires_at) where state = 'open';
create index wait_offer_visit on wait_offer (visit, at);
create index wait_offer_slot on wait_offer (slot);

-- Which visit, and which offer, a message is about: its page can move,
-- cancel or take.
create table visit_notice (
	message text   primary key,
	patient text   not null,
	visit   text   not null,
	offer   text   not null,
	kind    text   not null, -- offer, cancelled, moved, booked
	at      bigint not null
);
create index visit_notice_visit on visit_notice (visit);

-- What the clinic says of each service: how to get ready, in two languages.
create table visit_advice (
	service    text   primary key,
	lines      text   not null, -- one thing to do on each line
	lines_es   text   not null,
	by         text   not null,
	updated_at bigint not null
);

-- How far somebody came with checking in. What they said is in the record, or
-- waits as a request.
create table checkin (
	visit      text   primary key,
	patient    text   not null,
	account    text   not null,
	steps      text   not null, -- those that are done, with a space between
	arrived_at bigint not null default 0,
	begun_at   bigint not null,
	updated_at bigint not null
);
create index checkin_patient on checkin (patient);

-- The papers to sign, each version for good.
create table paper (
	id      text   primary key,
	kind    text   not null, -- treatment
	n       bigint not null, -- version, from 1
	title   text   not null,
	text    text   not null,
	title_es text  not null,
	text_es text   not null,
	by      text   not null,
	at      bigint not null,
	unique (kind, n)
);
