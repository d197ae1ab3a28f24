-- What a grant opens, beside its rights; why it was given; when to look at it again.
alter table account_grant add column proxy text not null default ''; -- proxy.id, empty: granted at the command line
alter table account_grant add column categories text not null default ''; -- apart by spaces
alter table account_grant add column labels bigint not null default 0; -- access.Label: what was opened by name
alter table account_grant add column basis text not null default 'patient';
alter table account_grant add column review_at bigint not null default 0; -- 0: never
update account_grant set categories =
	case when rights like '%visits.read%' then 'visits ' else '' end ||
	case when rights like '%messages.read%' then 'messages ' else '' end ||
	case when rights like '%record.read%' then 'results medicines conditions documents' else '' end;

-- Who asked whom to help with whose record, and how that went. While it is
-- active, account_grant has a row for it: that row alone opens doors.
create table proxy (
	id           text     primary key,
	patient      text     not null,
	account      text     not null default '', -- empty until the helper joined
	state        text     not null check (state in ('invited', 'joined', 'active', 'ended', 'declined', 'expired')),
	helper       text     not null, -- the helper's name
	kind         text     not null check (kind in ('email', 'sms')), -- where the invitation went
	address      text     not null,
	basis        text     not null check (basis in ('patient', 'parent', 'guardian', 'poa')),
	paper        text     not null default '', -- the kind of document that was shown
	paper_note   text     not null default '',
	actions      text     not null, -- see book write, apart by spaces
	categories   text     not null,
	labels       bigint   not null default 0,
	asked_kind   text     not null,
	asked_by     text     not null, -- the account
	confirm      smallint not null check (confirm in (0, 1)), -- the patient has to say yes after the helper did
	made_at      bigint   not null,
	joined_at    bigint   not null default 0,
	active_at    bigint   not null default 0,
	until_at     bigint   not null,
	review_at    bigint   not null default 0,
	ended_at     bigint   not null default 0,
	ended_kind   text     not null default '',
	ended_by     text     not null default '',
	ended_why    text     not null default '',
	told_for     text     not null default '' -- the age change that both sides heard of: YYYY-MM-DD
);
create index proxy_patient on proxy (patient, made_at);
create index proxy_account on proxy (account) where account <> '';
create index proxy_open on proxy (state, until_at) where state in ('invited', 'joined', 'active');

-- The link of an invitation: only its hash is kept. The code that goes with
-- it follows from the hash and the key.
create table proxy_invite (
	hash       text   primary key, -- SHA-256 of the link's token
	proxy      text   not null references proxy (id),
	tries      bigint not null default 0,
	device     text   not null default '', -- SHA-256 of the token in the browser that gave the code
	expires_at bigint not null
);
create index proxy_invite_proxy on proxy_invite (proxy);

-- What a patient asks about the record itself, each with a clock that the law sets.
create table privacy_request (
	id          text   primary key,
	patient     text   not null,
	kind        text   not null check (kind in ('access', 'amend', 'restrict', 'contact', 'account', 'complaint')),
	state       text   not null check (state in ('open', 'granted', 'denied', 'disputed', 'answered', 'withdrawn')),
	about       text   not null default '', -- Type/id of the resource it is about
	body        text   not null, -- JSON: what was asked
	asked_kind  text   not null,
	asked_by    text   not null, -- the account
	asked_name  text   not null,
	asked_at    bigint not null,
	due_at      bigint not null, -- the first moment that is late
	extended_at bigint not null default 0,
	extended_why text  not null default '',
	claimed_by  text   not null default '',
	decided_at  bigint not null default 0,
	decided_by  text   not null default '',
	answer      text   not null default '' -- what the patient was told
);
create index privacy_request_patient on privacy_request (patient, asked_at);
create index privacy_request_due on privacy_request (due_at) where state in ('open', 'disputed');

-- Everything that happened to a request. Append only.
create table privacy_step (
	request    text   not null references privacy_request (id),
	n          bigint not null,
	at         bigint not null,
	actor_kind text   not null,
	actor      text   not null,
	name       text   not null,
	what       text   not null,
	note       text   not null default '',
	primary key (request, n)
) /* sqlite: without rowid */;

-- Restrictions that were agreed to, and so bind.
create table restriction (
	id       text   primary key,
	request  text   not null references privacy_request (id),
	patient  text   not null,
	kind     text   not null check (kind in ('account', 'role', 'plan')), -- whom it is against
	target   text   not null, -- the account, the role, or the plan's name in lower case; empty: every plan
	name     text   not null, -- of that, for people
	what     text   not null, -- in words
	made_at  bigint not null,
	ended_at bigint not null default 0,
	ended_by text   not null default '',
	ended_why text  not null default ''
);
create index restriction_patient on restriction (patient) where ended_at = 0;

-- What left the house outside treatment, payment and operations, and without
-- the patient's own authorisation. Append only, but for taking back an error.
create table disclosure (
	id            text   primary key,
	patient       text   not null,
	at            bigint not null, -- when it was made
	recipient     text   not null,
	address       text   not null,
	what          text   not null,
	purpose       text   not null,
	basis         text   not null,
	origin        text   not null, -- what made it: desk, export/…, app/…, letter/…
	actor         text   not null, -- the account or the part
	noted_at      bigint not null,
	silent_until  bigint not null default 0, -- 45 CFR 164.528(a)(2): not to be told before
	silent_for    text   not null default '', -- the agency that asked for it
	void_at       bigint not null default 0,
	void_by       text   not null default '',
	void_why      text   not null default ''
);
create index disclosure_patient on disclosure (patient, at);

-- The only ways by which a patient wants to be written to, once that was
-- agreed: with a row here no other address is used.
create table confidential_contact (
	id       text   primary key,
	request  text   not null references privacy_request (id),
	patient  text   not null,
	kind     text   not null check (kind in ('email', 'sms', 'voice', 'letter', 'inbox')),
	value    text   not null, -- as contact_point has it; of a letter the postal address
	made_at  bigint not null,
	ended_at bigint not null default 0
);
create index confidential_contact_patient on confidential_contact (patient) where ended_at = 0;
