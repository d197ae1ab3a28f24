-- Mail that nobody could place waits for somebody of the staff, who says whose
-- it is or why it needs nothing.
alter table mail_in add column cause text not null default ''; -- why it could not be dealt with, in words that name nobody
alter table mail_in add column patient text not null default ''; -- whose it is, as staff said
alter table mail_in add column closed_as text not null default ''; -- placed, or why it was put aside; empty: nobody has looked
alter table mail_in add column closed_by text not null default '';
alter table mail_in add column closed_at bigint not null default 0;
