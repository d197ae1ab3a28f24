-- Programs that may ask for records: who they are, who let them in, and with
-- what. Codes, tokens and secrets are kept as hashes alone.
create table app_client (
	id          text   primary key,
	name        text   not null,
	website     text   not null default '',
	contact     text   not null default '',
	status      text   not null, -- waiting, approved, refused, suspended
	auth        text   not null, -- none, client_secret_basic, client_secret_post, private_key_jwt
	native      bigint not null default 0, -- 1: runs on a device
	backend     bigint not null default 0, -- 1: asks in its own name
	redirects   text   not null default '', -- one to a line
	launch      text   not null default '', -- where a launch from the desk goes
	scopes      text   not null default '', -- the most that it may ask for
	secret_hash text   not null default '',
	jwks        text   not null default '',
	jwks_uri    text   not null default '',
	labels      bigint not null default 0, -- sensitive sorts that a backend client sees
	verified    bigint not null default 0, -- 1: the clinic knows who it is
	introspects bigint not null default 0, -- 1: may ask about every token
	logo        bytea  not null,
	logo_type   text   not null default '',
	origin      text   not null default '', -- register (by itself) or desk
	created_at  bigint not null,
	decided_at  bigint not null default 0,
	decided_by  text   not null default ''
);
create index app_client_status on app_client (status, created_at);

create table app_grant (
	id         text   primary key,
	client     text   not null references app_client (id),
	account    text   not null default '', -- who let it in; empty for a backend client
	patient    text   not null default '',
	encounter  text   not null default '',
	scopes     text   not null, -- exactly what was granted
	labels     bigint not null default 0,
	keep       text   not null default '', -- offline, online, or nothing
	launch     text   not null default '', -- standalone, ehr, backend
	auth_at    bigint not null default 0, -- when the person had signed in
	created_at bigint not null,
	used_at    bigint not null default 0,
	until_at   bigint not null default 0, -- the last token's end
	ended_at   bigint not null default 0,
	ended_by   text   not null default '',
	ended_why  text   not null default ''
);
create index app_grant_account on app_grant (account, created_at);
create index app_grant_patient on app_grant (patient, created_at);
create index app_grant_client on app_grant (client);

-- A request to be let in that waits for somebody's answer.
create table app_ask (
	id         text   primary key, -- SHA-256 of the token in the page's address
	client     text   not null references app_client (id),
	redirect   text   not null,
	scope      text   not null,
	state      text   not null,
	challenge  text   not null,
	nonce      text   not null default '',
	account    text   not null default '', -- of the launch, or of whoever answered
	patient    text   not null default '',
	encounter  text   not null default '',
	launched   bigint not null default 0,
	app_grant  text   not null default '', -- what was granted
	answer     text   not null default '', -- granted or denied
	expires_at bigint not null
) /* sqlite: without rowid */;
create index app_ask_expires on app_ask (expires_at);

create table app_code (
	hash       text   primary key, -- SHA-256 of the code
	app_grant  text   not null references app_grant (id),
	client     text   not null,
	redirect   text   not null,
	challenge  text   not null,
	nonce      text   not null default '',
	expires_at bigint not null,
	used_at    bigint not null default 0
) /* sqlite: without rowid */;

create table app_token (
	hash       text   primary key, -- SHA-256 of the token
	kind       text   not null, -- access or refresh
	app_grant  text   not null references app_grant (id),
	client     text   not null,
	scopes     text   not null,
	created_at bigint not null,
	expires_at bigint not null,
	used_at    bigint not null default 0 -- refresh: when it was exchanged
) /* sqlite: without rowid */;
create index app_token_grant on app_token (app_grant);
create index app_token_expires on app_token (expires_at);

-- Assertions that were used, until they have expired.
create table app_jti (
	client     text   not null,
	jti        text   not null, -- SHA-256
	expires_at bigint not null,
	primary key (client, jti)
) /* sqlite: without rowid */;

-- Launches from the desk: who, about whom.
create table app_launch (
	hash       text   primary key, -- SHA-256 of the token in the address
	client     text   not null,
	account    text   not null,
	patient    text   not null,
	encounter  text   not null default '',
	expires_at bigint not null
) /* sqlite: without rowid */;

-- What signs ID tokens.
create table app_key (
	kid        text   primary key,
	sealed     bytea  not null,
	created_at bigint not null
) /* sqlite: without rowid */;
