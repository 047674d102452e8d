-- An order that is not over needs a customer who is there: `live` is nothing once the customer is erased, so that of an
-- erasure and an order that is opened at the same moment one loses. An erased order (one that came to life again by a late
-- word of the workshop's) needs nobody.

-- In the order in which an order that is opened takes them, so that nobody waits in a circle.
LOCK TABLE work_orders, customers IN ACCESS EXCLUSIVE MODE;

ALTER TABLE customers
    ADD COLUMN live UUID GENERATED ALWAYS AS (CASE WHEN body->'index'->>'erased' IS NULL THEN id END) STORED;

CREATE UNIQUE INDEX customers_live ON customers (live);

ALTER TABLE work_orders
    ADD COLUMN open_for UUID GENERATED ALWAYS AS (
        CASE WHEN (CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'status' NOT IN ('DELIVERED', 'CANCELLED', 'FAILED')
            AND (CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'erased' IS NULL
        THEN CAST((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'customer_id' AS UUID) END
    ) STORED REFERENCES customers (live);

CREATE INDEX work_orders_open_for ON work_orders (open_for) WHERE open_for IS NOT NULL;
