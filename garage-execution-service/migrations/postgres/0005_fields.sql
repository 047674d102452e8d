-- What columns are derived from, by itself: to read it from the body, all of the body is read for each column. It counts
-- only for the version with which it was written: rows from before have it in the body alone, and so have those that a
-- program from before still writes while the programs are exchanged one by one.

ALTER TABLE jobs ADD COLUMN fields JSON, ADD COLUMN fields_version BIGINT;

ALTER TABLE jobs
    DROP COLUMN execution_id,
    DROP COLUMN status,
    DROP COLUMN technician_id,
    DROP COLUMN listed,
    DROP COLUMN active,
    DROP COLUMN queue,
    DROP COLUMN waiting,
    ADD COLUMN execution_id UUID GENERATED ALWAYS AS (CAST((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'execution_id' AS UUID)) STORED,
    ADD COLUMN status TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'status') STORED,
    ADD COLUMN technician_id TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'technician_id') STORED,
    ADD COLUMN listed TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'listed') STORED,
    ADD COLUMN active TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'active') STORED,
    ADD COLUMN queue TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'queue') STORED,
    ADD COLUMN waiting TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'waiting') STORED;

CREATE UNIQUE INDEX jobs_execution_id ON jobs (execution_id);
CREATE INDEX jobs_status ON jobs (status, id);
CREATE INDEX jobs_technician_id ON jobs (technician_id, id);
CREATE INDEX jobs_listed ON jobs (listed, id);
CREATE INDEX jobs_active ON jobs (active, id);
CREATE INDEX jobs_queue ON jobs (queue, id);
CREATE INDEX jobs_waiting ON jobs (waiting, id) WHERE waiting IS NOT NULL;
