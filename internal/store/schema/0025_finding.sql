-- What was taken although it does not conform to the standard: the kinds of
-- what is wrong, and which current resources are of each. Nothing here is a
-- value of somebody's.
create table finding_kind (
	id       bigint primary key, -- a digest of the rest
	typ      text   not null,
	severity text   not null, -- error or warning
	rule     text   not null, -- an invariant's key, or the name of the kind
	place    text   not null, -- Observation.component.code
	say      text   not null, -- what is wrong and what to do
	profile  text   not null default '' -- whose word it is; empty: the type's
);

create table finding (
	kind     bigint  not null,
	feed     text    not null, -- which source wrote it; empty: a form of Hale
	resource integer not null, -- its number
	primary key (kind, feed, resource)
) /* sqlite: without rowid */;
create index finding_resource on finding (resource);

-- How far what was written has been looked at: a place in change.
create table finding_reached (
	one smallint primary key check (one = 1),
	seq bigint   not null
);
insert into finding_reached (one, seq) values (1, 0);
