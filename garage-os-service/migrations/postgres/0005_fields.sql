-- What columns are derived from, by itself: to read it from the body, all of the body is read for each column. It counts
-- only for the version with which it was written: rows from before have it in the body alone, and so have those that a
-- program from before still writes while the programs are exchanged one by one.

ALTER TABLE work_orders ADD COLUMN fields JSON, ADD COLUMN fields_version BIGINT;

ALTER TABLE work_orders
    DROP COLUMN status,
    DROP COLUMN customer_id,
    DROP COLUMN vehicle_id,
    DROP COLUMN search,
    DROP COLUMN waiting,
    ADD COLUMN status TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'status') STORED,
    ADD COLUMN customer_id UUID NOT NULL GENERATED ALWAYS AS (CAST((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'customer_id' AS UUID)) STORED REFERENCES customers (id),
    ADD COLUMN vehicle_id UUID NOT NULL GENERATED ALWAYS AS (CAST((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'vehicle_id' AS UUID)) STORED REFERENCES vehicles (id),
    ADD COLUMN search TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'search') STORED,
    ADD COLUMN waiting TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'waiting') STORED;

CREATE INDEX work_orders_status ON work_orders (status, id);
CREATE INDEX work_orders_customer_id ON work_orders (customer_id, id);
CREATE INDEX work_orders_vehicle_id ON work_orders (vehicle_id, id);
CREATE INDEX work_orders_waiting ON work_orders (waiting, id) WHERE waiting IS NOT NULL;
