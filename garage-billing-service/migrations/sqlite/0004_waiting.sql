-- Whom a bill waits for and from when its patience counts. Few are overdue at any time, and a bill that has
-- ended waits for nobody. Those from before have it from their next change on.

ALTER TABLE bills ADD COLUMN waiting TEXT GENERATED ALWAYS AS (body->'index'->>'waiting') VIRTUAL;

CREATE INDEX bills_waiting ON bills (waiting, id) WHERE waiting IS NOT NULL;
