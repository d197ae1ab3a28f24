-- How many resources of each source a kind of finding is in, by the labels
-- that they carry, so that a list of kinds need not look at every finding.
alter table finding add column labels bigint not null default 0; -- as they were when the resource was looked at
update finding set labels = coalesce((select z.labels from resource r join shield z on z.typ = r.typ and z.id = r.id where r.n = finding.resource), 0);

create table finding_count (
	kind   bigint not null,
	feed   text   not null,
	labels bigint not null,
	n      bigint not null,
	primary key (kind, feed, labels)
) /* sqlite: without rowid */;
insert into finding_count (kind, feed, labels, n) select kind, feed, labels, count(*) from finding group by kind, feed, labels;

-- Resources to be looked at again although nobody wrote to them: their labels
-- are others now.
create table finding_again (
	resource integer primary key
) /* sqlite: without rowid */;
