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
