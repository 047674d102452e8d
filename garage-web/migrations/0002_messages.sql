-- The stages at which customers are written to, and since when.
CREATE TABLE message_stages (
    stage TEXT PRIMARY KEY NOT NULL,
    since INTEGER NOT NULL
) STRICT;

-- What was or is to be sent: nothing of the customer, only which order. Times are in milliseconds.
CREATE TABLE messages (
    work_order TEXT NOT NULL,
    stage TEXT NOT NULL,
    revision INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (work_order, stage, revision)
) STRICT;

CREATE INDEX messages_due ON messages (due_at) WHERE state = 'WAITING';
