CREATE TABLE parked (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    queue TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'queue') STORED,
    due TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'due') STORED
);

CREATE INDEX parked_queue ON parked (queue, due, id);
CREATE INDEX parked_due ON parked (due, id);
