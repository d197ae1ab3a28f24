-- What the clinic says about itself: its name, how to reach it, its hours and
-- its colour. Append only; the newest counts, an older one can be taken back.
create table clinic_setting (
	n    bigint not null primary key,
	says text   not null, -- JSON
	by   text   not null, -- the account
	at   bigint not null
);
