-- Links to messages about what the law protects most open for nobody: their
-- message is read after signing in.
alter table link add column signs_in bigint not null default 0; -- 1: yes
