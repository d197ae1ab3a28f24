-- Narrow typed views of the record, kept in the transaction that writes it.
-- Each can be thrown away and made again from the resources.
-- Rows of one patient lie together: (patient, id) is the key, so a list is one short scan.

create table person (
	id          text     primary key, -- Patient.id
	full_name   text     not null,
	given       text     not null,
	family      text     not null,
	search_name text     not null, -- lower case, no accents: family given full
	born        text     not null, -- YYYY-MM-DD, or as much of it as is known
	sex         text     not null,
	lang        text     not null, -- BCP 47, empty if not said
	mrn         text     not null,
	line        text     not null,
	city        text     not null,
	state       text     not null,
	zip         text     not null,
	zone        text     not null, -- IANA time zone, empty if not known
	deceased    smallint not null check (deceased in (0, 1)),
	active      smallint not null check (active in (0, 1)),
	updated_at  bigint   not null
);
create index person_mrn on person (mrn);
create index person_born on person (born);

-- The first three letters of every word of a name: how names are found, with equality alone,
-- which every collation of either engine knows an index for.
create table person_piece (
	piece  text not null,
	person text not null, -- person.id
	primary key (piece, person)
) /* sqlite: without rowid */;
create index person_piece_person on person_piece (person);

-- Names of those who care and of places: what references in the record lead to.
create table clinician (
	id   text primary key, -- Practitioner/…, Organization/…, Location/…, PractitionerRole/…
	name text not null
) /* sqlite: without rowid */;

create table result (
	patient    text   not null,
	id         text   not null,
	category   text   not null check (category in ('laboratory', 'vital-signs')),
	code       text   not null, -- LOINC where there is one
	name       text   not null, -- as the sender calls it
	status     text   not null,
	at         bigint not null, -- taken
	issued     bigint not null, -- 0: not said
	value      double precision, -- null: none, or in words, or in parts
	unit       text   not null,
	said       text   not null, -- a value in words
	low        double precision, -- the sender's own range
	high       double precision,
	range_text text   not null,
	flag       text   not null, -- interpretation code: H, L, A, N …
	performer  text   not null, -- Type/id, or a name where the sender gives one
	note       text   not null,
	parts      text   not null, -- JSON list of components, empty for none
	source     text   not null,
	updated_at bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;

create table goal (
	patient    text   not null,
	id         text   not null,
	code       text   not null,
	said       text   not null,
	low        double precision,
	high       double precision,
	updated_at bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;

create table medication (
	patient    text   not null,
	id         text   not null,
	code       text   not null,
	name       text   not null,
	dose       text   not null, -- how to take it, in words
	status     text   not null,
	why        text   not null, -- in words, or Condition/id
	prescriber text   not null,
	authored   bigint not null, -- 0: not said
	refills    bigint not null, -- allowed by the prescription; -1: not said
	reported   smallint not null check (reported in (0, 1)), -- a MedicationStatement
	source     text   not null,
	updated_at bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;

create table problem (
	patient    text   not null,
	id         text   not null,
	kind       text   not null check (kind in ('condition', 'allergy', 'vaccine', 'procedure')),
	code       text   not null,
	name       text   not null,
	status     text   not null,
	at         bigint not null, -- begun, given or done; 0: not said
	ended      bigint not null, -- 0: not, or not said
	detail     text   not null, -- allergy: reaction; vaccine: lot or dose; procedure: outcome
	performer  text   not null,
	source     text   not null,
	updated_at bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;

create table document (
	patient    text   not null,
	id         text   not null,
	kind       text   not null check (kind in ('document', 'report', 'plan')),
	title      text   not null,
	status     text   not null,
	at         bigint not null,
	author     text   not null,
	media      text   not null, -- of the attachment; empty: the text is in the resource
	source     text   not null,
	updated_at bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;

create table slot (
	id           text   primary key, -- Slot.id
	service      text   not null,
	title        text   not null,
	start_at     bigint not null,
	end_at       bigint not null,
	status       text   not null check (status in ('free', 'busy', 'busy-unavailable', 'busy-tentative')),
	schedule     text   not null, -- Schedule.id
	practitioner text   not null,
	place        text   not null
);
create index slot_free on slot (service, status, start_at);
create index slot_start on slot (status, start_at);
create index slot_schedule on slot (schedule);

create table schedule (
	id           text primary key, -- Schedule.id
	service      text not null,
	title        text not null,
	practitioner text not null,
	place        text not null
) /* sqlite: without rowid */;

create table visit (
	id           text   primary key, -- Appointment.id, or Encounter.id for one that was never booked here
	patient      text   not null,
	kind         text   not null check (kind in ('appointment', 'encounter')),
	status       text   not null,
	service      text   not null,
	title        text   not null,
	start_at     bigint not null,
	end_at       bigint not null,
	practitioner text   not null,
	place        text   not null,
	slot         text   not null, -- Slot.id, empty if none
	booked_at    bigint not null, -- 0: not booked here
	via          text   not null, -- portal, link, desk, phone; empty: came by a feed
	ref          text   not null, -- the message or intent that led here
	source       text   not null,
	updated_at   bigint not null
);
create index visit_patient on visit (patient, start_at);
create index visit_start on visit (start_at);
create index visit_led on visit (booked_at) where ref <> '';

-- When somebody last looked at a patient's home page, and the time before,
-- so that the page can say what is new.
create table look (
	account text   not null,
	patient text   not null,
	at      bigint not null,
	earlier bigint not null, -- the look before; 0: never
	primary key (account, patient)
) /* sqlite: without rowid */;
