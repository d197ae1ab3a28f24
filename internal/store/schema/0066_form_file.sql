-- Files that came while a form was filled in, and for which form they are:
-- whoever fills it in by a link can add these to it and no others.
create table form_file (
	document text not null, -- DocumentReference.id
	patient  text not null,
	ask      text not null, -- the form that waits
	primary key (document, ask)
) /* sqlite: without rowid */;
create index form_file_ask on form_file (ask);
