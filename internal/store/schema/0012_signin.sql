-- How surely an account is its owner's. A weak credential was made in a
-- session that only a code to a phone or a mailbox had opened; it never
-- reaches what is sensitive.
alter table account add column proved_at  bigint not null default 0; -- when somebody at the clinic, or a credential of theirs, vouched for the person
alter table account add column hold_until bigint not null default 0; -- until then nothing that could take the account over

-- A session says how it was begun. Nobody stays signed in across this change.
delete from account_session;
alter table account_session add column how       text   not null default 'code';
alter table account_session add column sent      text   not null default ''; -- where its code went: email or sms
alter table account_session add column zone      bigint not null default 0; -- access.Zone at the most
alter table account_session add column proof_at  bigint not null default 0; -- the last strong proof
alter table account_session add column rest      bigint not null default 0; -- microseconds of rest after which it is locked
alter table account_session add column device    text   not null default ''; -- hash of the device's cookie
alter table account_session add column trusted   bigint not null default 0;
alter table account_session add column told_at   bigint not null default 0; -- the notice of the missing second factor

-- The devices that an account was used on.
create table account_device (
	hash       text   not null, -- SHA-256 of the cookie
	account    text   not null references account (id),
	agent      text   not null default '',
	known_at   bigint not null, -- from then on a code and the device are enough for the portal; 0: never
	created_at bigint not null,
	seen_at    bigint not null,
	primary key (account, hash)
) /* sqlite: without rowid */;

alter table account_passkey add column weak bigint not null default 1;

create table account_password (
	account    text   primary key references account (id),
	hash       text   not null, -- Argon2id, PHC string
	alone      bigint not null, -- 1: long enough without a second factor
	weak       bigint not null default 1,
	created_at bigint not null
) /* sqlite: without rowid */;

create table account_totp (
	account    text   primary key references account (id),
	seed       bytea  not null, -- sealed
	confirmed  bigint not null default 0,
	step       bigint not null default 0, -- the last step that was used
	weak       bigint not null default 1,
	created_at bigint not null
);

-- The printed sheet's code; only its hash is kept.
create table account_sheet (
	hash       text   primary key,
	account    text   not null unique references account (id),
	created_at bigint not null
) /* sqlite: without rowid */;

-- Help in person: a code for fifteen minutes, made by staff.
create table account_assist (
	id         text   primary key,
	account    text   not null references account (id),
	staff      text   not null,
	second     text   not null default '', -- the second member of staff, for those watched more closely
	proof      text   not null, -- which document was shown
	reason     text   not null,
	hash       text   not null default '', -- of the code
	created_at bigint not null,
	expires_at bigint not null,
	used_at    bigint not null default 0
);
create index account_assist_hash on account_assist (hash) where hash <> '';

-- Links and letters that enrol somebody, once.
create table account_invite (
	hash       text   primary key,
	account    text   not null references account (id),
	made_by    text   not null,
	created_at bigint not null,
	expires_at bigint not null
) /* sqlite: without rowid */;

-- Who somebody is at a provider of single sign-on.
create table account_identity (
	iss        text   not null,
	sub        text   not null,
	account    text   not null references account (id),
	created_at bigint not null,
	used_at    bigint not null,
	primary key (iss, sub)
) /* sqlite: without rowid */;
create index account_identity_account on account_identity (account);

-- Single sign-ons under way; each answer counts once.
create table account_sso (
	id         text   primary key, -- SHA-256 of the token in the browser's cookie
	provider   text   not null,
	data       text   not null, -- JSON: state's hash, nonce, verifier, where to go
	expires_at bigint not null
) /* sqlite: without rowid */;
create index account_sso_expires on account_sso (expires_at);

-- A new address under way: proved by a code, in force after the cool-down.
create table account_move (
	id         text   primary key,
	account    text   not null references account (id),
	kind       text   not null check (kind in ('email', 'sms')),
	value      text   not null,
	old        text   not null,
	hash       text   not null, -- of the code
	tries      bigint not null default 0,
	state      text   not null default 'open' check (state in ('open', 'waiting', 'done', 'cancelled')),
	created_at bigint not null,
	due_at     bigint not null
);
create index account_move_account on account_move (account, state);
create index account_move_due on account_move (state, due_at);

-- What a notice's link takes back. Only the token's hash is kept.
create table account_cancel (
	hash       text   primary key,
	account    text   not null references account (id),
	what       text   not null,
	ref        text   not null default '',
	expires_at bigint not null
) /* sqlite: without rowid */;

-- Notices on their way to the account's owner.
create table account_notice (
	id         text   primary key,
	account    text   not null,
	body       bytea  not null, -- sealed: it holds addresses and the token that cancels
	tries      bigint not null default 0,
	next_at    bigint not null,
	created_at bigint not null
);
create index account_notice_next on account_notice (next_at);

-- Tries that come slower the more of them fail.
create table account_slow (
	bucket  text   primary key,
	failed  bigint not null,
	last_at bigint not null
) /* sqlite: without rowid */;
create index account_slow_last on account_slow (last_at);
