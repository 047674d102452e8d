-- Whom an order waits for and from when its patience counts. Few are overdue at any time, and an order that has
-- ended waits for nobody. Orders from before have it from their next change on.

ALTER TABLE work_orders ADD COLUMN waiting TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'waiting') STORED;

CREATE INDEX work_orders_waiting ON work_orders (waiting, id) WHERE waiting IS NOT NULL;
