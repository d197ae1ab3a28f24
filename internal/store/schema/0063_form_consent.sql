-- What strangers agree to before they fill in a form: each version with its
-- translations. Append only: an agreement names the version that was read.
create table form_consent (
	url    text   not null,
	n      bigint not null,            -- the version, from 1
	words  text   not null,
	also   text   not null default '', -- translations, as FHIR has them beside a string; empty: none
	set_at bigint not null,
	primary key (url, n)
) /* sqlite: without rowid */;
insert into form_consent (url, n, words, also, set_at) select url, 1, consent, '', set_at from form_use where consent <> '';

-- Which version of it somebody agreed to, and in which language they read it.
alter table form_lead add column consent      bigint not null default 0; -- form_consent.n; 0: it is not known
alter table form_lead add column consent_lang text   not null default ''; -- BCP 47
