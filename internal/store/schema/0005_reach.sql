-- Where a person can be reached: a narrow view of Patient.telecom. What
-- happened to an address (a bounce, a wrong person) outlives a new telecom.
create table contact_point (
	patient    text     not null,
	kind       text     not null check (kind in ('email', 'sms', 'voice')),
	value      text     not null, -- lower-case address, or E.164
	status     text     not null default 'active' check (status in ('active', 'bounced', 'opted_out', 'wrong_person', 'gone')),
	shared     smallint not null default 0 check (shared in (0, 1)), -- also on another patient
	rank       bigint   not null default 9,
	use        text     not null default '',
	zone       text     not null default '', -- of the number's area, an IANA name
	updated_at bigint   not null,
	primary key (patient, kind, value)
) /* sqlite: without rowid */;
create index contact_point_value on contact_point (value, kind);
create index contact_point_wrong on contact_point (updated_at) where status = 'wrong_person';

-- What a person asked for, by topic; topic * holds for all others.
create table preference (
	patient     text     not null,
	topic       text     not null default '*', -- a purpose's key, or *
	channels    text     not null default '',  -- best first, comma between: sms,email
	lang        text     not null default '',
	hour_from   smallint not null default 0,   -- local hours in which to reach out; 0 and 0: the clinic's rule
	hour_to     smallint not null default 0,
	large_print smallint not null default 0 check (large_print in (0, 1)),
	updated_at  bigint   not null,
	primary key (patient, topic)
) /* sqlite: without rowid */;

-- What a person agreed to or forbade. Append only; the current state is
-- the fold of it.
create table consent_event (
	id       text   primary key,
	patient  text   not null,
	channel  text   not null, -- email, sms, … or *
	purpose  text   not null, -- a purpose's key, or *
	action   text   not null check (action in ('grant', 'revoke', 'warn_ack', 'authorize')),
	method   text   not null, -- form, sms_keyword, staff, portal, link, import, …
	actor    text   not null,
	evidence text   not null default '',
	at       bigint not null,
	until    bigint not null default 0 -- an authorisation ends then; 0: never
);
create index consent_event_patient on consent_event (patient, at, id);
create index consent_event_at on consent_event (at);

-- One outreach: whom, what, when. The purposes that may never hold anyone
-- out are refused a holdout here as well as in code.
create table outreach (
	id          text             primary key,
	name        text             not null,
	purpose     text             not null,
	service     text             not null default '',
	state       text             not null check (state in ('draft', 'running', 'paused', 'stopped', 'done')),
	holdout     double precision not null check (holdout >= 0 and holdout <= 0.5),
	window_days bigint           not null default 90,
	expire_days bigint           not null default 30,
	plan        text             not null default '{}', -- segment, template, steps; JSON
	salt        text             not null,              -- of the draw
	audience    bigint           not null default 0,    -- people in the snapshot
	planned     bigint           not null default 0,    -- of these, decided on: the planner's cursor
	created_by  text             not null,
	created_at  bigint           not null,
	started_at  bigint           not null default 0,
	ended_at    bigint           not null default 0,
	check (holdout = 0 or purpose not in ('emergency', 'clinical_result', 'security', 'safety', 'recall'))
);

-- Who was in the segment at launch, numbered from 1.
create table audience (
	outreach text   not null references outreach (id),
	seq      bigint not null,
	patient  text   not null,
	primary key (outreach, seq)
) /* sqlite: without rowid */;

-- One intent per outreach and patient, held out or not: the unit that is
-- accounted for and analysed.
create table intent (
	id           text             primary key,
	outreach     text             not null,
	patient      text             not null,
	dedupe       text             not null unique,
	purpose      text             not null,
	assignment   text             not null check (assignment in ('treat', 'holdout', 'excluded')),
	assignment_p double precision not null, -- the probability of being held out
	stratum      text             not null default '',
	facts        text             not null default '{}', -- covariates before the draw
	decided_at   bigint           not null,
	expires_at   bigint           not null,
	state        text             not null check (state in ('holdout', 'blocked', 'deferred', 'active', 'satisfied', 'exhausted', 'cancelled', 'expired')),
	step         bigint           not null default 0, -- messages made so far
	wake_at      bigint           not null default 0, -- when to look again: deferred, or the next step
	decision     text             not null default '{}',
	check ((assignment = 'holdout') = (state = 'holdout')),
	check (assignment <> 'holdout' or purpose not in ('emergency', 'clinical_result', 'security', 'safety', 'recall'))
);
create unique index intent_outreach on intent (outreach, patient);
create index intent_state on intent (outreach, state);
create index intent_patient on intent (patient, decided_at);
create index intent_wake on intent (wake_at) where wake_at > 0;

-- One try on one channel. Its text is rendered once and sealed.
create table message (
	id            text     primary key,
	intent        text     not null,
	outreach      text     not null,
	patient       text     not null,
	purpose       text     not null,
	channel       text     not null check (channel in ('email', 'sms', 'inbox', 'voice')),
	step          bigint   not null,
	state         text     not null check (state in ('scheduled', 'handing_off', 'uncertain', 'suppressed', 'cancelled', 'accepted', 'undelivered', 'given_up', 'delivered', 'seen', 'acted')),
	state_at      bigint   not null,
	reason        text     not null default '', -- why suppressed, cancelled, undelivered
	mode          text     not null check (mode in ('full', 'notice')),
	require_tls   smallint not null default 0,
	lang          text     not null default '',
	address_hash  text     not null default '', -- keyed hash of where it goes
	address_mask  text     not null default '', -- ending in 42
	body          bytea    not null,            -- sealed: address, subject, texts, page
	body_hash     text     not null,
	key           text     not null unique,     -- the same in every attempt
	provider_ref  text     not null default '',
	not_before    bigint   not null,
	expires_at    bigint   not null,
	attempts      bigint   not null default 0,
	cap_day       bigint   not null default 0,  -- what cap_ledger counts it under; 0: nothing does
	cap_class     text     not null default '',
	in_doubt      smallint not null default 0 check (in_doubt in (0, 1)), -- some attempt's end is not known
	lease         text     not null default '',
	lease_until   bigint   not null default 0,
	created_at    bigint   not null,
	accepted_at   bigint   not null default 0,
	delivered_at  bigint   not null default 0,
	first_seen_at bigint   not null default 0,
	acted_at      bigint   not null default 0
);
create unique index message_step on message (intent, step);
create index message_due on message (not_before, id) where state = 'scheduled';
create index message_urgent on message (not_before, id) where state = 'scheduled' and purpose = 'security';
create index message_lease on message (lease_until) where state = 'handing_off';
create index message_outreach on message (outreach, channel, state);
create index message_state on message (outreach, state, state_at);
create index message_accepted on message (outreach, accepted_at);
create index message_in_doubt on message (outreach) where in_doubt = 1;
create index message_patient on message (patient, created_at);
create index message_address on message (address_hash, state);
create index message_ref on message (provider_ref) where provider_ref <> '';

-- One hand-off to a gateway; committed before any byte leaves.
create table attempt (
	message    text   not null,
	n          bigint not null,
	worker     text   not null,
	started_at bigint not null,
	ended_at   bigint not null default 0,
	outcome    text   not null default '' check (outcome in ('', 'accepted', 'rejected', 'temp', 'uncertain')),
	ref        text   not null default '',
	code       text   not null default '',
	detail     text   not null default '',
	peer       text   not null default '',
	primary key (message, n)
) /* sqlite: without rowid */;

-- What is known to have happened to a message. Append only.
create table message_event (
	id          text   primary key,
	message     text   not null,
	kind        text   not null,
	at          bigint not null,
	received_at bigint not null,
	actor_class text   not null default 'unknown' check (actor_class in ('human', 'machine', 'suspect', 'unknown')),
	code        text   not null default '',
	dedupe      text   not null unique,
	data        text   not null default '{}'
);
create index message_event_message on message_event (message, at);
create index message_event_early on message_event (message) where substr(message, 1, 4) = 'ref:';

-- Addresses nothing may go to, as keyed hashes.
create table suppression (
	channel      text   not null,
	address_hash text   not null,
	scope        text   not null default '*', -- a purpose's key, or *
	reason       text   not null,
	at           bigint not null,
	until        bigint not null default 0,
	primary key (channel, address_hash, scope)
) /* sqlite: without rowid */;

-- How many messages were promised to an address on a day; reserved in the
-- transaction that makes the message.
create table cap_ledger (
	address_hash text   not null,
	channel      text   not null,
	class        text   not null, -- the cap's class: care or marketing
	day          bigint not null, -- days since 1970 where the person is
	n            bigint not null check (n >= 0),
	primary key (address_hash, channel, class, day)
) /* sqlite: without rowid */;

-- Switches that stop all sending: channel * stops everything.
create table reach_switch (
	channel text   primary key,
	stopped smallint not null default 0,
	by      text   not null default '',
	at      bigint not null
);
