-- How far a request for more of a medicine is, from the desk to the hands of
-- the patient, and which resources stand for it.
create table medicine_ask (
	task          text   primary key, -- Task.id
	patient       text   not null,
	medicine      text   not null, -- Type/id; empty: none of the record
	way           text   not null check (way in ('refill', 'renewal', 'question')),
	because       text   not null,
	stage         text   not null check (stage in ('asked', 'approved', 'sent', 'ready', 'picked')),
	pharmacy      text   not null, -- Type/id; empty: none of the record
	pharmacy_name text   not null,
	request       text   not null default '', -- the MedicationRequest that the pharmacy works by
	dispense      text   not null default '', -- the MedicationDispense, once it was sent
	sent_by       text   not null default '', -- how: phone, fax, paper, own
	authorised    text   not null default '', -- who said yes to a new prescription
	asked_at      bigint not null,
	approved_at   bigint not null default 0,
	sent_at       bigint not null default 0,
	ready_at      bigint not null default 0,
	picked_at     bigint not null default 0
) /* sqlite: without rowid */;
create index medicine_ask_patient on medicine_ask (patient, asked_at);

-- Between which values a reading from home is as expected. The row without a
-- patient is the clinic's; one with a patient is for that patient alone.
create table reading_limit (
	patient     text   not null, -- empty: everybody
	part        text   not null, -- upper, lower, glucose, gain
	low         double precision not null, -- below it the team is told; 0: never
	high        double precision not null, -- above it; 0: never
	danger_low  double precision not null, -- below it the patient is told to get help at once; 0: never
	danger_high double precision not null,
	changed_by  text   not null,
	changed_at  bigint not null,
	primary key (patient, part)
) /* sqlite: without rowid */;
