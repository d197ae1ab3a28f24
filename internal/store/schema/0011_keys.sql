-- The keys that seal what must not lie open in the database, each wrapped by
-- the one above it: the root (outside the database) wraps the key of each
-- class, the class patients wraps one key per patient. Erasing wrapped is
-- what shredding is.
create table data_key (
	kid          text   primary key, -- stands in front of everything it sealed
	class        text   not null,    -- root, secrets, messages, record, …; patient for a person's own key
	owner        text   not null default '', -- the patient
	state        text   not null check (state in ('active', 'retired', 'destroyed')),
	wrapped      text   not null default '', -- an envelope; empty for the root and once destroyed
	made_at      bigint not null,
	retired_at   bigint not null default 0,
	emptied_at   bigint not null default 0, -- nothing was left under it
	destroyed_at bigint not null default 0,
	check (state <> 'destroyed' or wrapped = '')
);
create unique index data_key_active on data_key (class, owner) where state = 'active';
create index data_key_owner on data_key (owner, class) where owner <> '';
