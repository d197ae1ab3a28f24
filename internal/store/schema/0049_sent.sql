-- An attempt is written once, when its end is known; until then the claim that
-- holds its message stands for it. So its rows change no more.
/* postgres: alter table attempt reset (fillfactor); */

-- Nobody looks for links by their end. That there is one intent for each
-- outreach, patient and trigger is said by intent_outreach; dedupe, which said
-- it too, is the intent's own id.
drop index link_expires;
/* postgres: alter table intent drop constraint intent_dedupe_key; */
