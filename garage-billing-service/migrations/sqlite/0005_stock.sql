-- Bills whose wish must be carried to the parts; parts of which some order waits, by who waits longest, and those that an
-- order took whose bill may not have noted it. Few of each at any time.

ALTER TABLE bills ADD COLUMN stock TEXT GENERATED ALWAYS AS (body->'index'->>'stock') VIRTUAL;
ALTER TABLE parts ADD COLUMN awaited TEXT GENERATED ALWAYS AS (body->'index'->>'awaited') VIRTUAL;
ALTER TABLE parts ADD COLUMN taken TEXT GENERATED ALWAYS AS (body->'index'->>'taken') VIRTUAL;

CREATE INDEX bills_stock ON bills (stock, id) WHERE stock IS NOT NULL;
CREATE INDEX parts_awaited ON parts (awaited, id) WHERE awaited IS NOT NULL;
CREATE INDEX parts_taken ON parts (taken, id) WHERE taken IS NOT NULL;
