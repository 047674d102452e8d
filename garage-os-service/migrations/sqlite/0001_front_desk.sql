-- Aggregates are rows (id, version, body). What is searched or constrained is derived from the body by the
-- database itself. The same tables as in ../postgres, whose comments hold here too.

CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    document TEXT GENERATED ALWAYS AS (body->'index'->>'document') STORED,
    search TEXT GENERATED ALWAYS AS (body->'index'->>'search') STORED
) STRICT;

CREATE UNIQUE INDEX customers_document ON customers (document);

CREATE TABLE vehicles (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    plate_key TEXT GENERATED ALWAYS AS (body->'index'->>'plate_key') STORED,
    customer_id TEXT NOT NULL GENERATED ALWAYS AS (body->'index'->>'customer_id') STORED REFERENCES customers (id),
    search TEXT GENERATED ALWAYS AS (body->'index'->>'search') STORED
) STRICT;

CREATE UNIQUE INDEX vehicles_plate_key ON vehicles (plate_key);
CREATE INDEX vehicles_customer_id ON vehicles (customer_id, id);

CREATE TABLE work_orders (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    status TEXT GENERATED ALWAYS AS (body->'index'->>'status') STORED,
    customer_id TEXT NOT NULL GENERATED ALWAYS AS (body->'index'->>'customer_id') STORED REFERENCES customers (id),
    vehicle_id TEXT NOT NULL GENERATED ALWAYS AS (body->'index'->>'vehicle_id') STORED REFERENCES vehicles (id),
    search TEXT GENERATED ALWAYS AS (body->'index'->>'search') STORED
) STRICT;

CREATE INDEX work_orders_status ON work_orders (status, id);
CREATE INDEX work_orders_customer_id ON work_orders (customer_id, id);
CREATE INDEX work_orders_vehicle_id ON work_orders (vehicle_id, id);

CREATE TABLE idempotency_keys (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE TABLE dead_letters (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    queue TEXT GENERATED ALWAYS AS (body->'index'->>'queue') STORED,
    correlation TEXT GENERATED ALWAYS AS (body->'index'->>'correlation') STORED,
    at TEXT GENERATED ALWAYS AS (body->'index'->>'at') STORED
) STRICT;

CREATE INDEX dead_letters_queue ON dead_letters (queue, id);
CREATE INDEX dead_letters_correlation ON dead_letters (correlation, id);
CREATE INDEX dead_letters_at ON dead_letters (at, id);
