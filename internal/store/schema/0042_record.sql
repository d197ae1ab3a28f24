-- Where records come from, and how far each source has come. A source that
-- was never told anything but its name stands here from its first run.
create table arrival (
	feed         text   primary key, -- as the provenance of what it brings names it
	title        text   not null default '', -- in plain words; empty: the feed's own name
	brings       text   not null default '', -- parts of the record, comma between; empty: all
	every        bigint not null default 0, -- microseconds between runs that are expected; 0: no schedule
	began_at     bigint not null default 0, -- the newest run
	good_at      bigint not null default 0, -- the newest that ended well
	failed_since bigint not null default 0, -- the first that failed after that; 0: none
	reason       text   not null default ''
) /* sqlite: without rowid */;

-- What stands behind a patient's care beside problems, results and medicines.
create table background (
	patient    text   not null,
	kind       text   not null check (kind in ('device', 'family', 'insurance', 'team', 'goal', 'plan', 'order')),
	id         text   not null,
	code       text   not null,
	name       text   not null,
	status     text   not null,
	at         bigint not null, -- begun, put in, asked for; 0: not said
	ended      bigint not null, -- 0: not, or not said; order: by when a result is expected
	person     text   not null, -- who asked for it or pays for it, as Type/id or a name
	body       text   not null, -- JSON of what only its kind has
	source     text   not null,
	updated_at bigint not null,
	primary key (patient, kind, id)
) /* sqlite: without rowid */;

-- Which orders have a result or a report by now.
create table order_answer (
	patient text not null,
	typ     text not null, -- Observation or DiagnosticReport
	id      text not null,
	request text not null, -- the ServiceRequest's id
	primary key (patient, typ, id)
) /* sqlite: without rowid */;

-- Reports over results, and who looked at them.
create table panel (
	patient     text   not null,
	id          text   not null, -- of the DiagnosticReport
	title       text   not null,
	category    text   not null, -- LAB, RAD, …
	status      text   not null,
	at          bigint not null,
	reviewer    text   not null, -- Type/id or a name; empty: nobody has looked
	reviewed_at bigint not null,
	remark      text   not null, -- what they wrote
	source      text   not null,
	updated_at  bigint not null,
	primary key (patient, id)
) /* sqlite: without rowid */;

create table panel_part (
	patient text   not null,
	result  text   not null,
	panel   text   not null,
	n       bigint not null,
	primary key (patient, result, panel)
) /* sqlite: without rowid */;

-- New results that nobody here has looked at yet.
create table review_wait (
	patient text   not null,
	result  text   not null,
	place   bigint not null, -- in the queue: 0 where its sender flagged it as out of range, else 1
	at      bigint not null,
	again   bigint not null, -- 1: it was changed after somebody had looked
	primary key (patient, result)
) /* sqlite: without rowid */;
create index review_wait_order on review_wait (place, at, patient, result);
