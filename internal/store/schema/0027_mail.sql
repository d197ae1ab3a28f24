-- Outgoing mail to each domain's own servers: what is known of them.

-- What a domain says about the TLS of its mail servers (RFC 8461).
create table mx_policy (
	domain     text   primary key,
	policy_id  text   not null default '',
	mode       text   not null default '' check (mode in ('', 'enforce', 'testing', 'none')),
	hosts      text   not null default '', -- patterns of names, parted by spaces
	max_age    bigint not null default 0,  -- seconds
	fetched_at bigint not null default 0,
	tried_at   bigint not null default 0,  -- the last fetch, whether it worked or not
	tried_id   text   not null default ''
);

-- What was seen of a domain's mail servers, and until when that counts.
create table mx_report (
	domain     text     primary key,
	level      smallint not null check (level between 0 and 3),
	takes      smallint not null check (takes in (0, 1)),
	report     text     not null, -- JSON, each server with its TLS
	checked_at bigint   not null,
	until      bigint   not null
);

-- A look at the domains of all patients.
create table mail_audit (
	id         text   primary key,
	started_by text   not null,
	started_at bigint not null,
	ended_at   bigint not null default 0,
	domains    bigint not null default 0,
	done       bigint not null default 0
);
create index mail_audit_started on mail_audit (started_at);

create table mail_audit_domain (
	audit    text   not null,
	domain   text   not null,
	patients bigint not null,
	level    bigint not null default -1, -- -1: not looked at yet; -2: takes no mail
	primary key (audit, domain)
);
