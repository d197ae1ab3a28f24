-- What a base is of, and until when messages may have been written that name
-- it: when all of those are forgotten, it is destroyed.
alter table message_base add column outreach text not null default ''; -- empty: of anything
alter table message_base add column purpose text not null default '';
alter table message_base add column until_at bigint not null default 0;
update message_base set until_at = (select coalesce(max(m.created_at), 0) from message m);
create index message_base_purpose on message_base (purpose, id);
