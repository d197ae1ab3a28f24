-- What somebody has begun to write in a form and not sent yet: kept while
-- they write, and there again on their other devices.
create table saved (
	id       text   primary key, -- ACCOUNT/PATIENT/PLACE
	account  text   not null,    -- who writes
	patient  text   not null,    -- about whom
	place    text   not null,    -- which form
	sealed   bytea  not null,
	saved_at bigint not null,
	until_at bigint not null
) /* sqlite: without rowid */;
create index saved_account on saved (account, patient, saved_at);
create index saved_until on saved (until_at);

-- The questionnaires of the record, one row each.
create table form (
	id         text     primary key, -- Questionnaire.id
	url        text     not null,    -- which form it is a version of
	version    text     not null,
	title      text     not null,
	status     text     not null,    -- draft, active or retired
	body       text     not null,    -- the Questionnaire: it holds nobody's data
	at         bigint   not null,
	stored     bigint   not null     -- the record's version of it
) /* sqlite: without rowid */;
create index form_url on form (url, version);

-- What the clinic has decided about a form, whatever its version.
create table form_use (
	url     text     primary key,
	open    smallint not null default 0 check (open in (0, 1)),   -- 1: patients may fill it in unasked
	slug    text     not null default '',                         -- where strangers fill it in; empty: nowhere
	consent text     not null default '',                         -- what strangers agree to
	set_at  bigint   not null,
	set_by  text     not null
) /* sqlite: without rowid */;
create unique index form_use_slug on form_use (slug) where slug <> '';

-- Forms that patients are asked to fill in, or have begun themselves.
create table form_ask (
	id          text   primary key,
	patient     text   not null,
	form        text   not null, -- form.id: the very version
	asked_by    text   not null, -- the account
	asked_at    bigint not null,
	due_at      bigint not null default 0,
	errand      text   not null default '', -- Task.id: what the clinic asked; empty: the patient began it
	state       text   not null check (state in ('open', 'sent', 'withdrawn')),
	page        bigint not null default 1, -- as far as they have come
	response    text   not null default '', -- QuestionnaireResponse.id
	sent_at     bigint not null default 0,
	sent_by     text   not null default '',
	task        text   not null default '', -- Task.id: what the desk has to do about it
	score       text   not null default '', -- the sum, for the staff
	alarm       smallint not null default 0 check (alarm in (0, 1)), -- 1: an answer that cannot wait
	reviewed_at bigint not null default 0,
	reviewed_by text   not null default ''
) /* sqlite: without rowid */;
create index form_ask_patient on form_ask (patient, state, asked_at);
create index form_ask_response on form_ask (response) where response <> '';
create index form_ask_new on form_ask (sent_at) where state = 'sent' and reviewed_at = 0;

-- Forms that strangers fill in on the web. No record is opened for them
-- until somebody at the clinic has looked.
create table form_lead (
	id         text   primary key,
	form       text   not null, -- form.id
	token_hash text   not null unique, -- of the link to go on with it
	sealed     bytea  not null, -- the answers
	state      text   not null check (state in ('begun', 'new', 'linked', 'dropped')),
	begun_at   bigint not null,
	sent_at    bigint not null default 0,
	alarm      smallint not null default 0 check (alarm in (0, 1)), -- 1: an answer that cannot wait
	until_at   bigint not null,            -- a begun one is forgotten then
	patient    text   not null default '', -- whose record it went to
	response   text   not null default '', -- QuestionnaireResponse.id
	done_at    bigint not null default 0,
	done_by    text   not null default '',
	reason     text   not null default '' -- why it was dropped
) /* sqlite: without rowid */;
create index form_lead_state on form_lead (state, sent_at);
create index form_lead_until on form_lead (until_at) where state = 'begun';

-- How much one network, and everybody, sends from the web.
create table form_limit (
	bucket  text   primary key,
	full_at bigint not null
) /* sqlite: without rowid */;
