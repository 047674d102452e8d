-- What the sandbox gateway needs of a service's schema, and nothing else of it.

CREATE TABLE sandbox_payments (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    number TEXT GENERATED ALWAYS AS (body->'index'->>'number') STORED,
    external_reference TEXT GENERATED ALWAYS AS (body->'index'->>'external_reference') STORED
) STRICT;

CREATE UNIQUE INDEX sandbox_payments_number ON sandbox_payments (number);
CREATE INDEX sandbox_payments_external_reference ON sandbox_payments (external_reference, id);

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;
