-- What was taken back while a worker had it in hand, until that one has heard:
-- it looks here often, and nothing else tells it without reading all messages.
create table message_kept (
	worker  text not null,
	message text not null,
	primary key (worker, message)
) /* sqlite: without rowid */;
