-- What the desk's first page counts among very many: who lives here, which
-- must-reach messages a rule stopped, which came to nothing, and which nobody
-- knows the fate of.
create index person_active on person (id) where active = 1;
create index intent_must on intent (id) where state = 'blocked' and purpose in ('recall', 'safety', 'emergency');
create index message_fell on message (intent) where state in ('undelivered', 'given_up');
create index message_doubt on message (state_at) where in_doubt = 1 and state in ('uncertain', 'given_up');

-- Visits that people booked themselves, among those that came by a feed.
create index visit_booked on visit (start_at) where status = 'booked' and via <> '';
