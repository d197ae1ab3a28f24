-- What happened, for measure and for the timeline. Append only.
create table event (
	id      text   primary key,
	at      bigint not null, -- microseconds since 1970, UTC, as every time here
	kind    text   not null, -- visit.booked, message.seen, …
	patient text   not null default '',
	subject text   not null default '', -- the id of the thing it happened to
	data    text   not null default '{}'
);
create index event_patient on event (patient, at);
create index event_kind on event (kind, at);

-- Who looked at or touched what. Append only; written before the answer is given.
create table audit (
	id         text   primary key,
	at         bigint not null,
	actor_kind text   not null, -- patient, proxy, staff, link, system, or nobody who was known
	actor      text   not null,
	action     text   not null, -- the right that was asked for, or what happened to an account
	patient    text   not null default '', -- empty: the whole population
	outcome    text   not null check (outcome in ('granted', 'denied')),
	request    text   not null default ''
);
create index audit_patient on audit (patient, at);
create index audit_actor on audit (actor, at);
