-- The latest time that Hale has seen: a clock that stands before it was set
-- back, and what had ended would live again.
create table tide (
	one bigint primary key check (one = 1),
	at  bigint not null
);
insert into tide (one, at) select 1, coalesce(max(at), 0) from audit;
