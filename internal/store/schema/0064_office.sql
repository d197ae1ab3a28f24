-- Forms that the front desk works on by itself: they say nothing about health.
alter table form_use add column office smallint not null default 0;

-- Photos that came with such forms: the front desk opens these alone.
create table office_paper (
	document text not null primary key,
	patient  text not null
) /* sqlite: without rowid */;
