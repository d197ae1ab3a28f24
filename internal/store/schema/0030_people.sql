-- What a clinic changed of the rules of reaching out. Rows are only added:
-- the newest in force of each kind and name counts, and every older one says
-- what counted when.
create table reach_rule (
	id        text     primary key,
	kind      text     not null check (kind in ('cell', 'cap', 'holdout', 'tls', 'opens', 'stop')),
	name      text     not null, -- email_tls/3, cap_all, marketing, …; *: all
	value     text     not null, -- notice, 5 hard, 0.1, exclusive, …
	loosens   smallint not null check (loosens in (0, 1)), -- takes a second person
	why       text     not null default '',
	made_by   text     not null,
	made_at   bigint   not null,
	agreed_by text     not null default '',
	agreed_at bigint   not null default 0,
	from_at   bigint   not null default 0, -- in force since then; 0: waits for its second person, or was turned down
	ended_at  bigint   not null default 0  -- turned down then
);
create index reach_rule_force on reach_rule (kind, name, from_at);
create index reach_rule_waits on reach_rule (made_at) where from_at = 0 and ended_at = 0;

-- What the draw of those who are held out of everything is made with.
create table reach_draw (
	name    text   primary key,
	salt    text   not null,
	made_at bigint not null
);

-- Who a message about a patient goes to: empty, the patient; else the
-- caregiver's account. With whom the patient was drawn as one.
alter table intent add column recipient text not null default '';
alter table intent add column household text not null default ''; -- keyed hash; empty: drawn alone
alter table intent add column held_by text not null default '';   -- outreach, or everything
alter table message add column recipient text not null default '';
create index intent_household on intent (outreach, household) where household <> '';

-- How often: as it comes, or daily in one message.
alter table preference add column pace text not null default '';

-- What a word was, when it counts, and by when it had to.
alter table consent_event add column scope text not null default '';
alter table consent_event add column effective_at bigint not null default 0; -- 0: at once
alter table consent_event add column due_at bigint not null default 0;       -- 0: no clock runs

-- Every time somebody took a permission back, with the clock of the law.
create table revocation (
	id          text     primary key,
	event       text     not null default '', -- consent_event.id; empty: nobody is known at the address
	patient     text     not null default '',
	channel     text     not null,            -- what it was read as
	purpose     text     not null,
	method      text     not null,            -- sms_keyword, sms_freetext, email_reply, one_click, call_key, staff, portal, link, form, import
	rule        text     not null default '', -- by which words it was read so
	sure        smallint not null check (sure in (0, 1)), -- 0: somebody has to look
	message     text     not null default '', -- the one answered
	received_at bigint   not null,
	honoured_at bigint   not null default 0,  -- nothing was handed off any more from then on
	due_at      bigint   not null,
	review      text     not null default '' check (review in ('', 'meant', 'not_meant')),
	reviewed_by text     not null default '',
	reviewed_at bigint   not null default 0
);
create index revocation_patient on revocation (patient, received_at);
create index revocation_open on revocation (due_at) where honoured_at = 0 or sure = 0 and review = '';
create index revocation_received on revocation (received_at);

-- A patient's signed permission to use the record for marketing, as 45 CFR
-- 164.508 asks for it.
create table marketing_paper (
	id         text     primary key,
	patient    text     not null,
	purpose    text     not null,
	describes  text     not null,            -- what may be used, for what
	paid       smallint not null check (paid in (0, 1)), -- it says that somebody pays the clinic
	signed_by  text     not null,            -- the patient, or who signs for them
	signed_how text     not null,            -- paper, portal, …: where the signature is
	signed_at  bigint   not null,
	until_at   bigint   not null,            -- it ends then
	until_what text     not null default '', -- or with this event, which staff note
	ended_at   bigint   not null default 0,
	ended_how  text     not null default '',
	made_by    text     not null,
	made_at    bigint   not null
);
create index marketing_paper_patient on marketing_paper (patient, purpose);

-- A message that waits to go out together with others of its day, and the
-- one that it went out in.
create table digest_part (
	message      text   primary key,
	patient      text   not null,
	channel      text   not null,
	address_hash text   not null,
	due_at       bigint not null,
	carrier      text   not null default '', -- message.id; empty: waits
	settled      text   not null default '' -- what the carrier came to, as far as it was passed on
) /* sqlite: without rowid */;
create index digest_part_due on digest_part (due_at) where carrier = '';
create index digest_part_carrier on digest_part (carrier) where carrier <> '';

-- Why an address is blocked, and who did it. What was lifted stays in the log.
alter table suppression add column mask text not null default '';
alter table suppression add column why text not null default '';
alter table suppression add column by text not null default '';
create table suppression_log (
	id           text   primary key,
	channel      text   not null,
	address_hash text   not null,
	mask         text   not null,
	scope        text   not null,
	action       text   not null check (action in ('add', 'lift')),
	reason       text   not null,
	why          text   not null,
	by           text   not null,
	at           bigint not null
);
create index suppression_log_at on suppression_log (at);
create index suppression_at on suppression (at);
