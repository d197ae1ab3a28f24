-- Bills, what insurance did, and every payment. Money is whole minor units
-- (cents) of a currency.

-- What FHIR Invoices ask of patients.
create table bill (
	id         text   primary key, -- of the Invoice
	patient    text   not null,
	status     text   not null check (status in ('issued', 'balanced', 'cancelled')),
	number     text   not null, -- as the paper has it; empty: none
	title      text   not null,
	account    text   not null, -- the number under which the biller and insurance know it; empty: none
	issued_at  bigint not null,
	due_at     bigint not null, -- 0: it does not say
	currency   text   not null,
	charged    bigint not null,
	insurance  bigint not null,
	adjusted   bigint not null,
	owed       bigint not null, -- what the patient was asked for, before any payment
	issuer     text   not null,
	entries    text   not null, -- what it is for, as JSON
	source     text   not null,
	updated_at bigint not null
);
create index bill_patient on bill (patient, issued_at);
create index bill_open on bill (due_at) where status = 'issued';
create index bill_account on bill (account) where account <> '';

-- What insurance did, from ExplanationOfBenefits.
create table benefit (
	id         text   primary key,
	patient    text   not null,
	at         bigint not null,
	title      text   not null,
	account    text   not null,
	insurer    text   not null,
	currency   text   not null,
	charged    bigint not null,
	paid       bigint not null,
	adjusted   bigint not null,
	owes       bigint not null, -- what it says that the patient may owe
	source     text   not null,
	updated_at bigint not null
);
create index benefit_patient on benefit (patient, at);

-- What single charges are called: lines of Invoices name them.
create table bill_charge (
	id      text primary key, -- of the ChargeItem
	patient text not null,
	title   text not null
) /* sqlite: without rowid */;

-- Money that came or went. Nothing is taken away: what comes back is a row
-- of its own, below zero.
create table payment (
	id       text   primary key,
	bill     text   not null,
	patient  text   not null, -- empty: it came by a feed
	kind     text   not null check (kind in ('card', 'cash', 'check', 'elsewhere', 'writeoff', 'refund', 'dispute')),
	currency text   not null,
	cents    bigint not null,
	at       bigint not null,
	origin   text   not null unique, -- what it follows from, so that it counts once
	checkout text   not null default '',
	number   text   not null default '', -- of the receipt
	by_kind  text   not null default '',
	by       text   not null default '',
	note     text   not null default ''
);
create index payment_bill on payment (bill);
create index payment_patient on payment (patient, at);
create index payment_checkout on payment (checkout) where checkout <> '';

-- Each time that somebody went to pay by card.
create table checkout (
	id         text   primary key, -- also the key by which asking twice is asking once
	patient    text   not null,
	bill       text   not null, -- empty: for a plan
	plan       text   not null, -- empty: for a bill
	currency   text   not null,
	cents      bigint not null,
	state      text   not null check (state in ('asked', 'open', 'waits', 'paid', 'ended', 'failed', 'unfit')),
	session    text   not null default '', -- the name of the page at the one who takes cards
	intent     text   not null default '', -- and of the payment
	address    text   not null default '', -- of the page, while it is open
	way        text   not null, -- portal or link
	back       text   not null, -- where the person comes back to
	lang       text   not null,
	by_kind    text   not null,
	by         text   not null,
	made_at    bigint not null,
	looked_at  bigint not null default 0,
	ended_at   bigint not null default 0,
	said       bigint not null default 0, -- what was paid, as the one who takes cards says
	said_in    text   not null default ''
);
create index checkout_patient on checkout (patient, made_at);
create index checkout_going on checkout (made_at) where state in ('asked', 'open', 'waits');
create index checkout_session on checkout (session) where session <> '';
create index checkout_intent on checkout (intent) where intent <> '';

-- What the one who takes cards told us: each once.
create table till_news (
	id       text   primary key,
	kind     text   not null,
	object   text   not null, -- what it is about
	intent   text   not null,
	checkout text   not null, -- empty: not known, or not ours
	currency text   not null,
	cents    bigint not null,
	made_at  bigint not null,
	heard_at bigint not null,
	outcome  text   not null check (outcome in ('done', 'early', 'foreign', 'unfit', 'nothing'))
);
create index till_news_early on till_news (intent) where outcome = 'early';
create index till_news_heard on till_news (heard_at);

-- Paying in parts.
create table bill_plan (
	id         text   primary key,
	patient    text   not null,
	state      text   not null check (state in ('asked', 'agreed', 'declined', 'ended', 'done')),
	currency   text   not null,
	total      bigint not null,
	monthly    bigint not null,
	first_at   bigint not null,
	asked_at   bigint not null,
	decided_at bigint not null default 0,
	decided_by text   not null default '',
	answer     text   not null default '',
	task       text   not null default ''
);
create index bill_plan_patient on bill_plan (patient, asked_at);
create index bill_plan_open on bill_plan (asked_at) where state in ('asked', 'agreed');

create table bill_plan_bill (
	plan text not null references bill_plan (id),
	bill text not null,
	primary key (plan, bill)
) /* sqlite: without rowid */;
create index bill_plan_bill_bill on bill_plan_bill (bill);

create table bill_part (
	plan    text   not null references bill_plan (id),
	n       bigint not null,
	due_at  bigint not null,
	cents   bigint not null,
	told_at bigint not null default 0, -- when the patient was reminded; 0: not yet
	primary key (plan, n)
) /* sqlite: without rowid */;
create index bill_part_due on bill_part (due_at) where told_at = 0;

-- What a link to pay is for. A link of its own stands where all links do,
-- under the name pay/ID; that of a message, under the message.
create table bill_link (
	id      text   primary key,
	patient text   not null,
	bill    text   not null,
	plan    text   not null,
	intent  text   not null, -- of the message that tells of it; empty: none does
	made_by text   not null,
	made_at bigint not null
);
create index bill_link_bill on bill_link (bill);
create index bill_link_intent on bill_link (intent) where intent <> '';
