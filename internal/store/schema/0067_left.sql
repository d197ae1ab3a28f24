-- Who left the segment of a journey, and when: they may come again.
alter table journey_member add column inside smallint not null default 1 check (inside in (0, 1));
alter table journey_member add column left_at bigint not null default 0; -- last; 0: never

-- Which segment the members of a journey are of, and whether all who were in
-- it from the beginning are written down: until they are, nobody comes.
create table journey_segment (
	journey text     primary key,
	about   text     not null, -- a digest of its conditions; empty: whichever it was
	whole   smallint not null check (whole in (0, 1))
) /* sqlite: without rowid */;
insert into journey_segment (journey, about, whole)
	select l.journey, '', 1 from journey_look l where exists (select 1 from journey_member m where m.journey = l.journey);
