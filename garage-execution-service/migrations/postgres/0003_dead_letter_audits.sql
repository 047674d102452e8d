-- Who replayed or discarded which dead letter, and why. Written before the act.
CREATE TABLE dead_letter_audits (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    queue TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'queue') STORED,
    correlation TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'correlation') STORED
);

CREATE INDEX dead_letter_audits_queue ON dead_letter_audits (queue, id);
CREATE INDEX dead_letter_audits_correlation ON dead_letter_audits (correlation, id);
