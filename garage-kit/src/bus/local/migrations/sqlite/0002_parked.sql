CREATE TABLE parked (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    queue TEXT GENERATED ALWAYS AS (body->'index'->>'queue') STORED,
    due TEXT GENERATED ALWAYS AS (body->'index'->>'due') STORED
) STRICT;

CREATE INDEX parked_queue ON parked (queue, due, id);
CREATE INDEX parked_due ON parked (due, id);
