-- Rows of the audit log that many brought at once, in one piece of up to 32:
-- a page for the disk where the table and its indexes would take a dozen. The
-- notary gives each row its place within a second.
create table audit_fresh (
	id   text  not null primary key, -- of the first row
	rows bytea not null
);
