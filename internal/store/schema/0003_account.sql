-- Everybody who can sign in. There are no passwords.
create table account (
	id            text     primary key,
	kind          text     not null check (kind in ('patient', 'proxy', 'staff')),
	status        text     not null default 'active' check (status in ('active', 'disabled')),
	name          text     not null,
	patient       text     not null default '', -- the person's own record; empty for those without one
	roles         text     not null default '', -- staff only, apart by spaces
	email         text     not null default '', -- lower case
	phone         text     not null default '', -- E.164
	lang          text     not null default '', -- BCP 47
	code_sign_ins bigint   not null default 0,  -- the second one offers a passkey
	created_at    bigint   not null,
	check (kind = 'patient' or patient = '' or kind = 'proxy'),
	check (kind <> 'patient' or patient <> '')
);
create unique index account_patient on account (patient) where patient <> '';
create index account_email on account (email) where email <> '';
create index account_phone on account (phone) where phone <> '';

-- What a caregiver may do on whose record, and until when.
create table account_grant (
	account    text   not null references account (id),
	patient    text   not null,
	name       text   not null, -- the patient's, for the banner
	rights     text   not null, -- apart by spaces
	until_at   bigint not null,
	created_at bigint not null,
	primary key (account, patient)
) /* sqlite: without rowid */;

-- One signed-in device each. Only the token's SHA-256 is kept.
create table account_session (
	id         text   primary key,
	token_hash text   not null unique,
	account    text   not null references account (id),
	agent      text   not null default '', -- browser and system in plain words
	created_at bigint not null,
	seen_at    bigint not null,
	expires_at bigint not null
);
create index account_session_account on account_session (account, seen_at);

-- A sign-in by code under way. It exists for unknown addresses as well, so
-- that both look alike. The address itself is kept only as long as this is.
create table account_challenge (
	id         text   primary key, -- SHA-256 of the token in the browser that asked
	kind       text   not null check (kind in ('email', 'sms')),
	value      text   not null,
	state      text   not null default 'open' check (state in ('open', 'proved', 'used')),
	tries      bigint not null default 0,
	born_tries bigint not null default 0,
	expires_at bigint not null
) /* sqlite: without rowid */;
create index account_challenge_expires on account_challenge (expires_at);

-- The codes sent for it; each is good until it expires, one of them once.
create table account_code (
	challenge  text   not null references account_challenge (id) on delete cascade,
	hash       text   not null, -- keyed
	expires_at bigint not null,
	primary key (challenge, hash)
) /* sqlite: without rowid */;

-- Passkeys, as https://www.w3.org/TR/webauthn-3/ credential records.
create table account_passkey (
	id         text   primary key, -- the credential's id in base64url
	account    text   not null references account (id),
	name       text   not null, -- the device it was made on, in plain words
	credential text   not null, -- JSON
	created_at bigint not null,
	used_at    bigint not null
);
create index account_passkey_account on account_passkey (account, created_at);

-- A passkey ceremony under way; taken away when it is finished, so that each
-- challenge counts once.
create table account_ceremony (
	id         text   primary key, -- SHA-256 of the token in the browser
	account    text   not null default '', -- empty: signing in, nobody knows yet as whom
	data       text   not null,
	expires_at bigint not null
) /* sqlite: without rowid */;
create index account_ceremony_expires on account_ceremony (expires_at);

-- How much of each limit is used up: the time at which the bucket is full
-- again. It survives a restart.
create table account_limit (
	bucket  text   primary key, -- what is limited and a keyed hash of whom
	full_at bigint not null
) /* sqlite: without rowid */;
create index account_limit_full on account_limit (full_at);
