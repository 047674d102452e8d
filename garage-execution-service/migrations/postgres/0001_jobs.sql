-- A job is a row (id, version, body) under its work order's id. What it is found by is derived from the body
-- by the database itself. A job without an execution is only a memory of its order and has none of these.
CREATE TABLE jobs (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    execution_id UUID GENERATED ALWAYS AS (CAST(body->'index'->>'execution_id' AS UUID)) STORED,
    status TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'status') STORED,
    technician_id TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'technician_id') STORED,
    listed TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'listed') STORED,
    active TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'active') STORED,
    queue TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'queue') STORED
);

CREATE UNIQUE INDEX jobs_execution_id ON jobs (execution_id);
CREATE INDEX jobs_status ON jobs (status, id);
CREATE INDEX jobs_technician_id ON jobs (technician_id, id);
CREATE INDEX jobs_listed ON jobs (listed, id);
CREATE INDEX jobs_active ON jobs (active, id);
CREATE INDEX jobs_queue ON jobs (queue, id);

-- Messages that the in-process bus could never deliver.
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

-- What must still be published. `at` is in milliseconds since 1970.
CREATE TABLE outbox (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    message JSON NOT NULL
);

-- Rows come and go all the time: without this, the dead ones slow every look at the few that wait.
ALTER TABLE outbox SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
