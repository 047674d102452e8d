-- The same tables as in ../postgres, whose comments hold here too.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    execution_id TEXT GENERATED ALWAYS AS (body->'index'->>'execution_id') STORED,
    status TEXT GENERATED ALWAYS AS (body->'index'->>'status') STORED,
    technician_id TEXT GENERATED ALWAYS AS (body->'index'->>'technician_id') STORED,
    listed TEXT GENERATED ALWAYS AS (body->'index'->>'listed') STORED,
    active TEXT GENERATED ALWAYS AS (body->'index'->>'active') STORED,
    queue TEXT GENERATED ALWAYS AS (body->'index'->>'queue') STORED
) STRICT;

CREATE UNIQUE INDEX jobs_execution_id ON jobs (execution_id);
CREATE INDEX jobs_status ON jobs (status, id);
CREATE INDEX jobs_technician_id ON jobs (technician_id, id);
CREATE INDEX jobs_listed ON jobs (listed, id);
CREATE INDEX jobs_active ON jobs (active, id);
CREATE INDEX jobs_queue ON jobs (queue, id);

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
