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
