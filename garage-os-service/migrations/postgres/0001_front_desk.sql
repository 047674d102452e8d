-- Aggregates are rows (id, version, body). What is searched or constrained is derived from the body by the
-- database itself. JSON rather than JSONB: a body reads back exactly as it was written, and its parts are
-- only ever asked for when a row is stored. COLLATE "C" orders texts as SQLite and Rust do. A unique field's
-- index is called <table>_<field>: by that name a caller learns which field is taken. Indexes end with the
-- id, so that each also gives the order of a list, newest first.

CREATE TABLE customers (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    document TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'document') STORED,
    search TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'search') STORED
);

CREATE UNIQUE INDEX customers_document ON customers (document);

CREATE TABLE vehicles (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    plate_key TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'plate_key') STORED,
    customer_id UUID NOT NULL GENERATED ALWAYS AS (CAST(body->'index'->>'customer_id' AS UUID)) STORED REFERENCES customers (id),
    search TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'search') STORED
);

CREATE UNIQUE INDEX vehicles_plate_key ON vehicles (plate_key);
CREATE INDEX vehicles_customer_id ON vehicles (customer_id, id);

CREATE TABLE work_orders (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    status TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'status') STORED,
    customer_id UUID NOT NULL GENERATED ALWAYS AS (CAST(body->'index'->>'customer_id' AS UUID)) STORED REFERENCES customers (id),
    vehicle_id UUID NOT NULL GENERATED ALWAYS AS (CAST(body->'index'->>'vehicle_id' AS UUID)) STORED REFERENCES vehicles (id),
    search TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'search') STORED
);

CREATE INDEX work_orders_status ON work_orders (status, id);
CREATE INDEX work_orders_customer_id ON work_orders (customer_id, id);
CREATE INDEX work_orders_vehicle_id ON work_orders (vehicle_id, id);

CREATE TABLE idempotency_keys (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL
);

-- What must still be published. `at` is in milliseconds since 1970.
CREATE TABLE outbox (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    message JSON NOT NULL
);

-- Rows come and go all the time: without this, the dead ones slow every look at the few that wait.
ALTER TABLE outbox SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- What can never be consumed, where there is no broker to keep it.
CREATE TABLE dead_letters (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    queue TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'queue') STORED,
    correlation TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'correlation') STORED,
    at TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'at') STORED
);

CREATE INDEX dead_letters_queue ON dead_letters (queue, id);
CREATE INDEX dead_letters_correlation ON dead_letters (correlation, id);
CREATE INDEX dead_letters_at ON dead_letters (at, id);
