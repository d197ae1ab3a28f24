-- What waits before it is shown, and who looked without a reason.

-- One row for each time that a result was held back: by a rule of law, by a
-- clinician, or at the patient's own wish. It is kept after the release: the
-- report of all holds is this table.
create table release_hold (
	id          text   primary key,
	patient     text   not null,
	typ         text   not null, -- Observation, DiagnosticReport, …
	resource    text   not null, -- its id
	sort        text   not null, -- cancer, genetic, imaging, …
	rule        text   not null, -- TX-SB922, clinician, wish
	basis       text   not null, -- the law that allows it, as cited
	reason      text   not null default '', -- a clinician's: the harm, in words
	set_by      text   not null, -- an account, or rule
	set_at      bigint not null,
	final_at    bigint not null, -- when the result was finalised
	until_at    bigint not null,
	most_at     bigint not null, -- the latest that the basis allows
	early       smallint not null check (early in (0, 1)), -- may somebody release it before?
	tell        smallint not null check (tell in (0, 1)),  -- may the patient know that something waits?
	released_at bigint not null default 0,
	released_by text   not null default '', -- an account, or time
	note        text   not null default ''
);
create index release_hold_resource on release_hold (patient, typ, resource);
create index release_hold_due on release_hold (until_at) where released_at = 0;
create index release_hold_set on release_hold (set_at);

-- What patients asked for: a narrow view of their Consent resources.
create table release_wish (
	patient    text   not null,
	sort       text   not null,
	days       bigint not null, -- at most so many; 0: at once
	consent    text   not null, -- Consent.id
	updated_at bigint not null,
	primary key (patient, sort)
) /* sqlite: without rowid */;

-- Emergency access: one patient, one member of staff, one hour.
create table emergency (
	id          text   primary key,
	account     text   not null,
	patient     text   not null,
	code        text   not null, -- unconscious, transfer, …
	reason      text   not null, -- in words
	opened_at   bigint not null,
	until_at    bigint not null,
	closed_at   bigint not null default 0,
	reviewed_at bigint not null default 0,
	reviewer    text   not null default '',
	verdict     text   not null default '' check (verdict in ('', 'appropriate', 'not')),
	note        text   not null default ''
);
create index emergency_account on emergency (account, patient, until_at);
create index emergency_review on emergency (opened_at) where reviewed_at = 0;
create index emergency_patient on emergency (patient, opened_at);

-- Who of the staff lives where, so that looks at oneself, at the family and
-- at neighbours are seen.
create table staff_self (
	account    text   primary key,
	patient    text   not null default '', -- the person's own record here
	family     text   not null default '', -- lower case, no accents
	line       text   not null default '', -- street and number, folded
	zip        text   not null default '',
	phone      text   not null default '', -- E.164
	set_by     text   not null,
	updated_at bigint not null
) /* sqlite: without rowid */;

-- Looks that nothing explains: one row for each person of the staff, patient
-- and day.
create table snoop_finding (
	id          text   primary key,
	account     text   not null,
	patient     text   not null,
	day         text   not null, -- YYYY-MM-DD at the clinic
	score       bigint not null, -- 0 to 100
	signs       text   not null, -- vip, self, family, … apart by spaces
	looks       bigint not null,
	first_at    bigint not null,
	last_at     bigint not null,
	found_at    bigint not null,
	reviewed_at bigint not null default 0,
	reviewer    text   not null default '',
	verdict     text   not null default '' check (verdict in ('', 'appropriate', 'not')),
	note        text   not null default ''
);
create unique index snoop_finding_day on snoop_finding (account, patient, day);
create index snoop_finding_open on snoop_finding (found_at) where reviewed_at = 0;

-- How many records each member of the staff opened on a day: what is usual.
create table snoop_count (
	account text   not null,
	day     text   not null,
	opened  bigint not null,
	primary key (account, day)
) /* sqlite: without rowid */;

-- Which days were gone through.
create table snoop_day (
	day  text   primary key,
	at   bigint not null -- when
) /* sqlite: without rowid */;
