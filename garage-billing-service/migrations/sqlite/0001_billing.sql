-- Aggregates are rows (id, version, body). What is searched or constrained is derived from the body by the
-- database itself. The same tables as in ../postgres, whose comments hold here too.

CREATE TABLE bills (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    quote_id TEXT GENERATED ALWAYS AS (body->'index'->>'quote_id') STORED,
    quote_status TEXT GENERATED ALWAYS AS (body->'index'->>'quote_status') STORED,
    customer_id TEXT GENERATED ALWAYS AS (body->'index'->>'customer_id') STORED,
    open TEXT GENERATED ALWAYS AS (body->'index'->>'open') STORED,
    expires TEXT GENERATED ALWAYS AS (body->'index'->>'expires') STORED,
    quoted TEXT GENERATED ALWAYS AS (body->'index'->>'quoted') STORED,
    paid TEXT GENERATED ALWAYS AS (body->'index'->>'paid') STORED
) STRICT;

CREATE UNIQUE INDEX bills_quote_id ON bills (quote_id);
CREATE INDEX bills_quote_status ON bills (quote_status, id);
CREATE INDEX bills_customer_id ON bills (customer_id, id);
CREATE INDEX bills_open ON bills (open, id) WHERE open IS NOT NULL;
CREATE INDEX bills_expires ON bills (expires, id) WHERE expires IS NOT NULL;
CREATE INDEX bills_quoted ON bills (quoted, id);
CREATE INDEX bills_paid ON bills (paid, id);

CREATE TABLE bills_payment_id (
    value TEXT NOT NULL,
    id TEXT NOT NULL REFERENCES bills (id) ON DELETE CASCADE,
    PRIMARY KEY (value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bills_payment_id_id ON bills_payment_id (id);

CREATE TRIGGER bills_payment_id_stored AFTER INSERT ON bills
BEGIN
    INSERT INTO bills_payment_id (value, id)
    SELECT DISTINCT value, NEW.id FROM json_each(NEW.body, '$.index.payment_id') WHERE value IS NOT NULL;
END;

CREATE TRIGGER bills_payment_id_changed AFTER UPDATE OF body ON bills
WHEN OLD.body->'index'->>'payment_id' IS NOT NEW.body->'index'->>'payment_id'
BEGIN
    DELETE FROM bills_payment_id WHERE id = NEW.id;
    INSERT INTO bills_payment_id (value, id)
    SELECT DISTINCT value, NEW.id FROM json_each(NEW.body, '$.index.payment_id') WHERE value IS NOT NULL;
END;

CREATE TABLE parts (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    part_number TEXT GENERATED ALWAYS AS (body->'index'->>'part_number') STORED,
    name TEXT GENERATED ALWAYS AS (body->'index'->>'name') STORED,
    category TEXT GENERATED ALWAYS AS (body->'index'->>'category') STORED,
    low_stock TEXT GENERATED ALWAYS AS (body->'index'->>'low_stock') STORED,
    search TEXT GENERATED ALWAYS AS (body->'index'->>'search') STORED
) STRICT;

CREATE UNIQUE INDEX parts_part_number ON parts (part_number);
CREATE INDEX parts_name ON parts (name, id);
CREATE INDEX parts_category ON parts (category, id);
CREATE INDEX parts_low_stock ON parts (low_stock, id);

CREATE TABLE services (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    name TEXT GENERATED ALWAYS AS (body->'index'->>'name') STORED,
    active TEXT GENERATED ALWAYS AS (body->'index'->>'active') STORED,
    search TEXT GENERATED ALWAYS AS (body->'index'->>'search') STORED
) STRICT;

CREATE INDEX services_name ON services (name, id);
CREATE INDEX services_active ON services (active, id);

CREATE TABLE sandbox_payments (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    number TEXT GENERATED ALWAYS AS (body->'index'->>'number') STORED,
    external_reference TEXT GENERATED ALWAYS AS (body->'index'->>'external_reference') STORED
) STRICT;

CREATE UNIQUE INDEX sandbox_payments_number ON sandbox_payments (number);
CREATE INDEX sandbox_payments_external_reference ON sandbox_payments (external_reference, id);

CREATE TABLE idempotency_keys (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
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

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;
