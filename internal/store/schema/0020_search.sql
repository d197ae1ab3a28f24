-- Amounts and numbers. low and high are what the value covers, base_low and
-- base_high the same in the base units of UCUM, where its unit has some.
create table quantity_index (
	param     integer not null,
	patient   integer not null,
	resource  integer not null,
	low       double precision not null,
	high      double precision not null,
	system    bigint  not null, -- a digest of the unit's system; 0: none
	code      text    not null, -- of the unit, or its name where it has no code
	base      text    not null, -- '' where UCUM does not know the unit
	base_low  double precision not null,
	base_high double precision not null,
	primary key (param, patient, resource, low, high, system, code)
) /* sqlite: without rowid */;
create index quantity_value on quantity_index (param, base_low);

-- The values of the parts of composite search parameters, each with the
-- element that it stands in: the third component, say.
create table part_index (
	param     integer not null,
	patient   integer not null,
	resource  integer not null,
	place     integer not null,
	code      text    not null,
	system    bigint  not null,
	low       double precision not null,
	high      double precision not null,
	base      text    not null,
	base_low  double precision not null,
	base_high double precision not null,
	typ       text    not null,
	id        text    not null,
	primary key (param, code, patient, resource, place, system, low, high, typ, id)
) /* sqlite: without rowid */;

-- Words of texts, written some seconds after the resource. param says where
-- they stand: 1 anywhere, 2 in the narrative, otherwise in what a code means,
-- as a whole. What is protected has none.
create table word_index (
	param    integer not null,
	word     text    /* postgres: collate "C" */ not null,
	patient  integer not null,
	resource integer not null,
	primary key (param, word, patient, resource)
) /* sqlite: without rowid */;
create index word_of on word_index (resource);

-- From the other side, and by the value alone.
create index reference_to on reference_index (param, id);
create index date_low on date_index (param, low);

-- By which rules the search index is written, and how far the resources from
-- before have been brought up to them.
create table search_state (
	one     smallint primary key check (one = 1),
	rules   bigint   not null, -- 0: everything is by the newest
	doing   bigint   not null,
	reached integer  not null
);
insert into search_state (one, rules, doing, reached)
select 1, case when exists (select 1 from resource) then 1 else 0 end, 0, 0;
