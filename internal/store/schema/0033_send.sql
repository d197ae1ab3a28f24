-- What waits to be sent stands in a narrow table of its own. The messages
-- themselves change their state often; no index holds it, so that a change
-- touches the row alone.
create table message_queue (
	lane       smallint not null, -- 0: somebody waits for it; 1: all others
	not_before bigint   not null,
	message    text     not null,
	outreach   text     not null,
	channel    text     not null,
	primary key (lane, not_before, message)
) /* sqlite: without rowid */;
insert into message_queue (lane, not_before, message, outreach, channel)
select case when purpose = 'security' then 0 else 1 end, not_before, id, outreach, channel from message where state = 'scheduled';

-- What a worker took at once, until none of it is under way. After lease_until
-- what is left of it is in doubt, as far as it was begun; the rest is safe.
create table message_claim (
	id          text   primary key,
	worker      text   not null,
	lease_until bigint not null,
	begun       bigint not null, -- of so many, from the first on, bytes may have left
	messages    text   not null  -- their ids, a space between
) /* sqlite: without rowid */;
create index message_claim_lease on message_claim (lease_until);
insert into message_claim (id, worker, lease_until, begun, messages)
select id, lease, lease_until, 1, id from message where state = 'handing_off';

drop index message_due;
drop index message_urgent;
drop index message_lease;
drop index message_outreach;
drop index message_state;
drop index message_accepted;
drop index message_in_doubt;
drop index message_address;
create index message_of on message (outreach);
create index message_to on message (address_hash);
/* postgres: alter table message set (fillfactor = 50); */
/* postgres: alter table attempt set (fillfactor = 60); */

-- What messages of one text have in common, sealed, kept once: the rows of
-- the messages hold what each has of its own.
create table message_base (
	id      text   primary key,
	sealed  bytea  not null,
	made_at bigint not null
) /* sqlite: without rowid */;
