-- What other systems take away, bring and are told of.

-- Files in the blob folder. A file without a row is a leftover: nothing
-- opens it.
create table blob (
	name    text   /* postgres: collate "C" */ primary key,
	wrapped bytea  not null, -- the file's own key, under the ring
	bytes   bigint not null, -- of what is inside
	made_at bigint not null
) /* sqlite: without rowid */;

-- One row for each bulk export.
create table bulk_export (
	id          text   primary key, -- unguessable: it stands in the address
	client      text   not null, -- who asked, and who alone may look and load
	name        text   not null, -- of the client, to show
	actor       text   not null, -- JSON: in whose name it looks
	ask         text   not null, -- JSON: what was asked for
	request     text   not null, -- the address of the kick-off
	state       text   not null check (state in ('waiting', 'running', 'done', 'failed', 'stopped')),
	at          bigint not null, -- the moment that it shows
	made_at     bigint not null,
	step        bigint not null default 0, -- of its plan
	place       text   not null default '', -- within the step: where to go on
	last_n      bigint not null default 0, -- the newest resource at that moment
	resources   bigint not null default 0,
	bytes       bigint not null default 0, -- before packing
	patients    bigint not null default 0,
	claim       text   not null default '', -- whoever works on it
	tries       bigint not null default 0, -- in a row that failed
	lease_until bigint not null default 0,
	reason      text   not null default '', -- why it failed
	polled_at   bigint not null default 0,
	hurried     bigint not null default 0, -- how often it was asked for too soon
	finished_at bigint not null default 0,
	expires_at  bigint not null default 0,
	cleaned_at  bigint not null default 0
);
create index bulk_export_client on bulk_export (client, made_at);
create index bulk_export_state on bulk_export (state, expires_at);

-- The patients whom an export is limited to, and those it has shown already.
create table bulk_export_patient (
	export  text     not null,
	patient text     not null,
	n       bigint   not null, -- its patient_number
	shown   smallint not null default 0 check (shown in (0, 1)),
	member  smallint not null default 0 check (member in (0, 1)),
	primary key (export, patient)
) /* sqlite: without rowid */;

-- What the exported refers to and is of no patient: practitioners, places.
create table bulk_export_beside (
	export text     not null,
	typ    text     not null,
	id     text     not null,
	done   smallint not null default 0 check (done in (0, 1)),
	primary key (export, done, typ, id)
) /* sqlite: without rowid */;

create table bulk_export_file (
	id        text   primary key, -- of its blob: export/ID
	export    text   not null,
	kind      text   not null check (kind in ('output', 'error', 'deleted')),
	typ       text   not null,
	resources bigint not null,
	bytes     bigint not null, -- before packing
	made_at   bigint not null
);
create index bulk_export_file_of on bulk_export_file (export, kind, typ, made_at);

-- One row for each bulk load ($import), and for each of its inputs.
create table bulk_load (
	id          text   primary key,
	client      text   not null,
	name        text   not null,
	actor       text   not null, -- JSON
	source      text   not null, -- what the client calls where it is from
	request     text   not null,
	state       text   not null check (state in ('waiting', 'running', 'done', 'failed', 'stopped')),
	made_at     bigint not null,
	claim       text   not null default '',
	tries       bigint not null default 0,
	lease_until bigint not null default 0,
	reason      text   not null default '',
	polled_at   bigint not null default 0,
	hurried     bigint not null default 0,
	finished_at bigint not null default 0,
	expires_at  bigint not null default 0,
	cleaned_at  bigint not null default 0
);
create index bulk_load_client on bulk_load (client, made_at);
create index bulk_load_state on bulk_load (state, expires_at);

create table bulk_load_input (
	load    text   not null,
	n       bigint not null,
	typ     text   not null default '', -- the type that it should hold; empty: any
	url     text   not null default '', -- where it lies; empty: it was sent along
	fetched smallint not null default 0 check (fetched in (0, 1)), -- it lies in the blob load/ID/N
	place   bigint not null default 0, -- bytes that are done
	lines   bigint not null default 0, -- and lines
	done    smallint not null default 0 check (done in (0, 1)),
	taken   bigint not null default 0, -- created or changed
	same    bigint not null default 0,
	refused bigint not null default 0,
	primary key (load, n)
) /* sqlite: without rowid */;

-- Files of OperationOutcomes about lines that were refused.
create table bulk_load_problem (
	id    text   primary key, -- of its blob: load/ID
	load  text   not null,
	n     bigint not null, -- of the input
	lines bigint not null,
	bytes bigint not null
);
create index bulk_load_problem_of on bulk_load_problem (load, n);

-- One row for each subscription of a client.
create table subscription (
	id          text   primary key,
	client      text   not null,
	name        text   not null,
	grant_id    text   not null,
	actor       text   not null, -- JSON
	patient     text   not null default '', -- of the launch
	body        bytea  not null, -- the Subscription and what signs its notifications, sealed
	typ         text   not null, -- which it watches
	state       text   not null check (state in ('requested', 'active', 'error', 'off')),
	reason      text   not null default '',
	channel     text   not null check (channel in ('rest-hook', 'websocket')),
	version     bigint not null default 1,
	made_at     bigint not null,
	updated_at  bigint not null,
	ends_at     bigint not null default 0,
	since_seq   bigint not null, -- of the change feed: what came after counts
	events      bigint not null default 0, -- the number of the last event
	sent        bigint not null default 0, -- and of the last that was delivered
	failures    bigint not null default 0, -- in a row
	due_at      bigint not null default 0, -- when to send next: events, or a sign of life
	beat        bigint not null default 0, -- seconds between signs of life; 0: none
	claim       text   not null default '',
	lease_until bigint not null default 0
);
create index subscription_watch on subscription (state, typ);
create index subscription_due on subscription (state, due_at);
create index subscription_client on subscription (client, made_at);

create table subscription_event (
	subscription text   not null,
	n            bigint not null, -- from 1, without a gap
	seq          bigint not null, -- of the change
	typ          text   not null,
	id           text   not null,
	version      bigint not null,
	verb         text   not null,
	at           bigint not null,
	primary key (subscription, n)
) /* sqlite: without rowid */;
create index subscription_event_at on subscription_event (at);

-- What opens a WebSocket: a digest, good for a moment.
create table subscription_token (
	token        text   primary key, -- SHA-256 of it
	subscription text   not null,
	until_at     bigint not null
) /* sqlite: without rowid */;

-- Who follows the change feed, and how far each has come.
create table follower (
	name        text   primary key,
	seq         bigint not null,
	claim       text   not null default '',
	lease_until bigint not null default 0,
	at          bigint not null
) /* sqlite: without rowid */;
