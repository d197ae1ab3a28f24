-- What was sent on a day, so that a button pressed twice sends it once. The key
-- is made of whose it is, what it is called and its bytes.
create table upload_once (
	once     text   primary key,
	document text   not null,
	at       bigint not null
) /* sqlite: without rowid */;
create index upload_once_at on upload_once (at);
