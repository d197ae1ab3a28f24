-- What somebody wrote in a form that could not be taken in: the session had
-- rested too long, or a fresh proof was asked for. Sealed; for one account.
create table draft (
	id         text   primary key, -- SHA-256 of the token in the browser
	account    text   not null references account (id),
	sealed     bytea  not null,
	expires_at bigint not null
) /* sqlite: without rowid */;
create index draft_account on draft (account);

-- A code of this sign-in went to another address than the one that was
-- typed, so it proves neither of the two.
alter table account_challenge add column mixed bigint not null default 0;
