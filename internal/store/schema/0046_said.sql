-- What the clinic agreed to say about results: each version of each phrase.
-- One that nobody approved is shown to no patient.
create table result_phrase (
	key         text   not null,
	n           bigint not null, -- the version
	place       text   not null check (place in ('remark', 'within', 'near', 'far')),
	name        text   not null, -- what the staff calls it
	codes       text   not null, -- LOINC, a space between; empty: for all results
	en          text   not null,
	es          text   not null, -- empty: Spanish readers get the English
	by          text   not null, -- the account
	at          bigint not null,
	approved_by text   not null default '',
	approved_at bigint not null default 0, -- 0: a draft
	ended_by    text   not null default '',
	ended_at    bigint not null default 0, -- 0: not taken out of use
	primary key (key, n)
) /* sqlite: without rowid */;

-- The limits of readings from home for everybody, each time somebody set them.
create table reading_limit_past (
	n    bigint not null primary key,
	says text   not null, -- JSON
	by   text   not null, -- the account
	name text   not null, -- of who it was, as patients read it
	at   bigint not null
);

-- Looks at results of which the patient is to be told, each once.
create table review_news (
	panel   text   not null primary key, -- the DiagnosticReport of the look
	patient text   not null,
	at      bigint not null,
	message text   not null default '', -- that tells of it; empty: none yet
	told_at bigint not null default 0
) /* sqlite: without rowid */;
create index review_news_waits on review_news (patient) where told_at = 0;

-- Why money did not go back, as the one who takes cards says.
alter table till_news add column reason text not null default '';

-- Money that was to go back and did not: it is in the balance again.
create table refund_failed (
	id       text   primary key, -- the till's name of it
	checkout text   not null,
	patient  text   not null,
	currency text   not null,
	cents    bigint not null,
	reason   text   not null,
	at       bigint not null,
	seen_by  text   not null default '',
	seen_at  bigint not null default 0
);
create index refund_failed_checkout on refund_failed (checkout);
create index refund_failed_open on refund_failed (at) where seen_at = 0;

-- What a kind of visit costs somebody who pays all of it: every version.
create table visit_price (
	service     text   not null,
	n           bigint not null,
	title       text   not null, -- of the kind of visit
	currency    text   not null,
	cents       bigint not null, -- 0: the price was taken out of the list
	includes    text   not null, -- one thing on each line
	includes_es text   not null,
	extra       text   not null, -- what may come on top
	extra_es    text   not null,
	until_at    bigint not null, -- the price holds until then
	by          text   not null,
	at          bigint not null,
	primary key (service, n)
) /* sqlite: without rowid */;

-- What patients said about what is due: the newest counts.
create table due_answer (
	id      text   primary key,
	patient text   not null,
	ref     text   not null, -- Type/id#n of what is due
	answer  text   not null check (answer in ('elsewhere', 'notnow', 'again')),
	day     bigint not null default 0, -- when they had it
	reason  text   not null default '', -- code of why not
	task    text   not null default '',
	by      text   not null,
	at      bigint not null
);
create index due_answer_patient on due_answer (patient, at);
