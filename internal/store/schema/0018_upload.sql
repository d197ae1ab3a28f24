-- What patients, and caregivers for them, sent: for the quota, and so that
-- somebody at the clinic looks at it.
create table upload (
	document text   primary key, -- DocumentReference.id
	patient  text   not null,
	account  text   not null, -- who sent it
	at       bigint not null,
	bytes    bigint not null,
	seen_at  bigint not null default 0, -- 0: nobody at the clinic has looked yet
	seen_by  text   not null default '' -- the account that did
) /* sqlite: without rowid */;
create index upload_patient on upload (patient, at);
create index upload_new on upload (seen_at, at);
