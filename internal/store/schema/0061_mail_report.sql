-- What other mail servers report about the clinic's mail: RFC 8460, RFC 7489.
-- It names servers and counts, and nobody.
create table mail_report (
	id      text     primary key,
	kind    text     not null check (kind in ('tls', 'dmarc')),
	org     text     not null, -- who reports
	ref     text     not null, -- by which the reporter knows it
	from_at bigint   not null,
	to_at   bigint   not null,
	passed  bigint   not null, -- connections, or messages
	failed  bigint   not null,
	lines   text     not null, -- JSON: what failed in which way at which peer
	proven  smallint not null check (proven in (0, 1)), -- the letter came from its sender's domain
	came_at bigint   not null,
	unique (kind, org, ref)
);
create index mail_report_to on mail_report (to_at);
