-- Who replayed or discarded which dead letter, and why. Written before the act.
CREATE TABLE dead_letter_audits (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    queue TEXT GENERATED ALWAYS AS (body->'index'->>'queue') STORED,
    correlation TEXT GENERATED ALWAYS AS (body->'index'->>'correlation') STORED
) STRICT;

CREATE INDEX dead_letter_audits_queue ON dead_letter_audits (queue, id);
CREATE INDEX dead_letter_audits_correlation ON dead_letter_audits (correlation, id);
