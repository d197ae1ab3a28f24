-- How long the words of messages are kept, and how old the proof of a number may
-- be, are rules like the others.
/* postgres: alter table reach_rule drop constraint reach_rule_kind_check; */
/* postgres: alter table reach_rule add constraint reach_rule_kind_check check (kind in ('cell', 'cap', 'holdout', 'tls', 'opens', 'stop', 'keep', 'confirm')); */
/* sqlite:
create table reach_rule_anew (
	id        text     primary key,
	kind      text     not null check (kind in ('cell', 'cap', 'holdout', 'tls', 'opens', 'stop', 'keep', 'confirm')),
	name      text     not null,
	value     text     not null,
	loosens   smallint not null check (loosens in (0, 1)),
	why       text     not null default '',
	made_by   text     not null,
	made_at   bigint   not null,
	agreed_by text     not null default '',
	agreed_at bigint   not null default 0,
	from_at   bigint   not null default 0,
	ended_at  bigint   not null default 0
);
insert into reach_rule_anew select id, kind, name, value, loosens, why, made_by, made_at, agreed_by, agreed_at, from_at, ended_at from reach_rule;
drop table reach_rule;
alter table reach_rule_anew rename to reach_rule;
create index reach_rule_force on reach_rule (kind, name, from_at);
create index reach_rule_waits on reach_rule (made_at) where from_at = 0 and ended_at = 0;
*/

-- Up to which message the words of each purpose are forgotten.
create table reach_forget (
	purpose text   primary key,
	upto    text   not null, -- message.id
	at      bigint not null
);

-- Since when a patient has an address, and when it was last proven to be
-- theirs. A number is given to somebody else sooner or later.
alter table contact_point add column since_at bigint not null default 0;     -- 0: not known
alter table contact_point add column confirmed_at bigint not null default 0; -- 0: never
update contact_point set since_at = updated_at;
