-- What the clinic wrote to a patient and somebody put into the patient's
-- language. The words are in the record, beside the words that they translate;
-- this view is made from them.
create table translated (
	patient text   not null,
	typ     text   not null, -- Communication, DiagnosticReport
	id      text   not null, -- of what is translated
	lang    text   not null, -- BCP 47
	body    text   not null,
	name    text   not null, -- who translated and reviewed it; empty: the record does not say
	at      bigint not null, -- when; 0: the record does not say
	primary key (patient, typ, id)
) /* sqlite: without rowid */;

-- What is to be translated, by whom it was asked, and who did it.
create table translation (
	id         text   primary key,
	patient    text   not null,
	typ        text   not null,
	target     text   not null, -- the id of what is to be translated
	lang       text   not null, -- BCP 47
	asked_by   text   not null, -- an account
	asked_at   bigint not null,
	due_at     bigint not null,
	owner      text   not null default '', -- the account that has it; empty: whoever can
	closed_by  text   not null default '', -- an account
	closed_at  bigint not null default 0,  -- 0: it waits
	why        text   not null default '', -- why nobody translates it; empty where somebody did
	told_at    bigint not null default 0   -- when the patient was told that it is there
);
create unique index translation_target on translation (typ, target);
create index translation_patient on translation (patient, asked_at);
create index translation_open on translation (due_at, id) where closed_at = 0;

-- The languages into which a member of staff may translate for patients, as an
-- administrator said.
create table staff_language (
	account text   not null,
	lang    text   not null,
	set_by  text   not null,
	set_at  bigint not null,
	primary key (account, lang)
) /* sqlite: without rowid */;
