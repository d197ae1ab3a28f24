-- What of a record not everybody with a right to it may see: one row for each
-- resource that carries a label or waits for its release. Few have one.
create table shield (
	patient    text   not null, -- empty: of no one patient, such as a Medication
	typ        text   not null,
	id         text   not null,
	own        bigint not null default 0, -- access.Label: what its codes and its sender say
	labels     bigint not null default 0, -- own, what it refers to, and a minor's: this is what counts
	cared_at   bigint not null default 0, -- when the care was given, for what a minor may keep; 0: not said
	held_until bigint not null default 0, -- shown from then on; 0: at once
	hold       text   not null default '', -- by which rule
	primary key (patient, typ, id)
) /* sqlite: without rowid */;
create unique index shield_resource on shield (typ, id);
create index shield_held on shield (held_until) where held_until <> 0;

-- How far the labels of older resources have been made again under newer
-- rules.
create table shield_rules (
	one     bigint primary key check (one = 1),
	version bigint not null, -- of the rules that every resource was looked at with
	doing   bigint not null, -- of those that a job is going through for
	reached bigint not null  -- the number of the last resource it looked at
);
insert into shield_rules (one, version, doing, reached) values (1, 0, 0, 0);

-- People whose records are opened with a stated reason alone.
create table patient_flag (
	patient text     primary key,
	vip     smallint not null check (vip in (0, 1)),
	reason  text     not null,
	set_by  text     not null,
	set_at  bigint   not null
) /* sqlite: without rowid */;

-- Whom a court, or the clinic, keeps out of a record, whatever was granted.
create table proxy_block (
	patient text   not null,
	account text   not null,
	reason  text   not null,
	set_by  text   not null,
	set_at  bigint not null,
	primary key (patient, account)
) /* sqlite: without rowid */;

-- Who of the staff treats whom, and in which protected programme.
create table care_team (
	account  text   not null,
	patient  text   not null,
	labels   bigint not null default 0, -- access.Label that this opens beside the role's own
	set_by   text   not null,
	set_at   bigint not null,
	until_at bigint not null,
	primary key (account, patient)
) /* sqlite: without rowid */;
create index care_team_patient on care_team (patient);
