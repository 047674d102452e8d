-- Whom a job waits for and from when its patience counts. Few are overdue at any time, and a job that has
-- ended waits for nobody. Those from before have it from their next change on.

ALTER TABLE jobs ADD COLUMN waiting TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'waiting') STORED;

CREATE INDEX jobs_waiting ON jobs (waiting, id) WHERE waiting IS NOT NULL;
