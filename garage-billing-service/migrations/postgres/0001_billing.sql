-- Aggregates are rows (id, version, body). What is searched or constrained is derived from the body by the
-- database itself. JSON rather than JSONB: a body reads back exactly as it was written. COLLATE "C" orders
-- texts as SQLite, MongoDB and Rust do.

-- Everything Billing knows of one work order; its id is the order's.
CREATE TABLE bills (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    quote_id TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'quote_id') STORED,
    quote_status TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'quote_status') STORED,
    customer_id TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'customer_id') STORED,
    open TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'open') STORED,
    expires TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'expires') STORED,
    quoted TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'quoted') STORED,
    paid TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'paid') STORED
);

CREATE UNIQUE INDEX bills_quote_id ON bills (quote_id);
CREATE INDEX bills_quote_status ON bills (quote_status, id);
CREATE INDEX bills_customer_id ON bills (customer_id, id);
-- Few bills are open or waiting for an answer at any time: these indexes hold no others.
CREATE INDEX bills_open ON bills (open, id) WHERE open IS NOT NULL;
CREATE INDEX bills_expires ON bills (expires, id) WHERE expires IS NOT NULL;
CREATE INDEX bills_quoted ON bills (quoted, id);
CREATE INDEX bills_paid ON bills (paid, id);

-- A bill has many attempts to pay and is found by each.
CREATE TABLE bills_payment_id (
    value TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL REFERENCES bills (id) ON DELETE CASCADE,
    PRIMARY KEY (value, id)
);
CREATE INDEX bills_payment_id_id ON bills_payment_id (id);

CREATE FUNCTION bills_payment_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM bills_payment_id WHERE id = NEW.id;
    INSERT INTO bills_payment_id (value, id)
    SELECT DISTINCT payment, NEW.id
    FROM json_array_elements_text(
        CASE json_typeof(NEW.body->'index'->'payment_id')
            WHEN 'array' THEN NEW.body->'index'->'payment_id'
        END
    ) AS payment;
    RETURN NULL;
END $$;

CREATE TRIGGER bills_payment_id_stored AFTER INSERT ON bills
FOR EACH ROW EXECUTE FUNCTION bills_payment_id();

CREATE TRIGGER bills_payment_id_changed AFTER UPDATE OF body ON bills
FOR EACH ROW WHEN (OLD.body->'index'->>'payment_id' IS DISTINCT FROM NEW.body->'index'->>'payment_id')
EXECUTE FUNCTION bills_payment_id();

CREATE TABLE parts (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    part_number TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'part_number') STORED,
    name TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'name') STORED,
    category TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'category') STORED,
    low_stock TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'low_stock') STORED,
    search TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'search') STORED
);

CREATE UNIQUE INDEX parts_part_number ON parts (part_number);
CREATE INDEX parts_name ON parts (name, id);
CREATE INDEX parts_category ON parts (category, id);
CREATE INDEX parts_low_stock ON parts (low_stock, id);

CREATE TABLE services (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    name TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'name') STORED,
    active TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'active') STORED,
    search TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'search') STORED
);

CREATE INDEX services_name ON services (name, id);
CREATE INDEX services_active ON services (active, id);

-- The book of the sandbox gateway.
CREATE TABLE sandbox_payments (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    number TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'number') STORED,
    external_reference TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'external_reference') STORED
);

CREATE UNIQUE INDEX sandbox_payments_number ON sandbox_payments (number);
CREATE INDEX sandbox_payments_external_reference ON sandbox_payments (external_reference, id);

-- Keys under which commands may be repeated.
CREATE TABLE idempotency_keys (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL
);

-- Where messages rest that can never succeed, when the bus is the one inside the process.
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

-- What must still be published, for all kinds. `at` is in milliseconds since 1970.
CREATE TABLE outbox (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    message JSON NOT NULL
);

-- Rows come and go all the time: without this, the dead ones slow every look at the few that wait.
ALTER TABLE outbox SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
