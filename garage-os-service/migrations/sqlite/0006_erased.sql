-- An order that is not over needs a customer who is there: `live` is nothing once the customer is erased, so that of an
-- erasure and an order that is opened at the same moment one loses. An erased order (one that came to life again by a late
-- word of the workshop's) needs nobody.

ALTER TABLE customers
    ADD COLUMN live TEXT GENERATED ALWAYS AS (CASE WHEN body->'index'->>'erased' IS NULL THEN id END) VIRTUAL;

CREATE UNIQUE INDEX customers_live ON customers (live);

ALTER TABLE work_orders
    ADD COLUMN open_for TEXT GENERATED ALWAYS AS (
        CASE WHEN body->'index'->>'status' NOT IN ('DELIVERED', 'CANCELLED', 'FAILED') AND body->'index'->>'erased' IS NULL
        THEN body->'index'->>'customer_id' END
    ) VIRTUAL REFERENCES customers (live);

CREATE INDEX work_orders_open_for ON work_orders (open_for) WHERE open_for IS NOT NULL;
