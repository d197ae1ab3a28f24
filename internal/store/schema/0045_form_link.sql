-- Links by which a form that waits goes on elsewhere: on another phone or
-- computer, or with somebody who has no account.
create table form_link (
	id      text   primary key,
	patient text   not null,
	ask     text   not null, -- the form that waits
	writer  text   not null, -- whose saved answers it goes on with
	made_by text   not null,
	made_at bigint not null
);
create index form_link_ask on form_link (ask);

-- What was said last at a step of checking in, so that the same said twice is
-- one task.
create table checkin_said (
	visit  text   not null,
	step   text   not null,
	digest text   not null, -- keyed
	at     bigint not null,
	primary key (visit, step)
);
