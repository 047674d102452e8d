-- Aggregates are rows (id, version, body). What is searched or constrained is derived from the body by the
-- database itself. JSON rather than JSONB: a body reads back exactly as it was written, and its parts are
-- only ever asked for when a row is stored. COLLATE "C" orders texts as SQLite, MongoDB and Rust do.

CREATE TABLE authors (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    name TEXT COLLATE "C" GENERATED ALWAYS AS (body->'index'->>'name') STORED
);

-- A plain field: indexed together with the id, so that it also gives the order of a list.
CREATE INDEX authors_name ON authors (name, id);

-- What columns are derived from may also be written by itself, with the version that it is of; otherwise all of the body is
-- read for each of them.
CREATE TABLE books (
    id UUID PRIMARY KEY,
    version BIGINT NOT NULL,
    body JSON NOT NULL,
    fields JSON,
    fields_version BIGINT,
    isbn TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'isbn') STORED,
    title TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'title') STORED,
    search TEXT COLLATE "C" GENERATED ALWAYS AS ((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'search') STORED,
    author_id UUID GENERATED ALWAYS AS (CAST((CASE WHEN fields_version = version THEN fields ELSE body->'index' END)->>'author_id' AS UUID)) STORED REFERENCES authors (id)
);

-- A unique field: its index is called <table>_<field>; by that name a caller learns which field is taken.
CREATE UNIQUE INDEX books_isbn ON books (isbn);
CREATE INDEX books_title ON books (title, id);
-- A reference needs an index as well, or removing an author reads all books.
CREATE INDEX books_author_id ON books (author_id, id);

-- A field with many values: a table <table>_<field> (value, id), kept by triggers over the body's list.
CREATE TABLE books_tags (
    value TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL REFERENCES books (id) ON DELETE CASCADE,
    PRIMARY KEY (value, id)
);
CREATE INDEX books_tags_id ON books_tags (id);

CREATE FUNCTION books_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM books_tags WHERE id = NEW.id;
    INSERT INTO books_tags (value, id)
    SELECT DISTINCT tag, NEW.id
    FROM json_array_elements_text(
        CASE json_typeof(NEW.body->'index'->'tags') WHEN 'array' THEN NEW.body->'index'->'tags' END
    ) AS tag;
    RETURN NULL;
END $$;

CREATE TRIGGER books_tags_stored AFTER INSERT ON books
FOR EACH ROW EXECUTE FUNCTION books_tags();

CREATE TRIGGER books_tags_changed AFTER UPDATE OF body ON books
FOR EACH ROW WHEN (OLD.body->'index'->>'tags' IS DISTINCT FROM NEW.body->'index'->>'tags')
EXECUTE FUNCTION books_tags();

-- What must still be published, for all kinds of a service. `at` is in milliseconds since 1970.
CREATE TABLE outbox (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    message JSON NOT NULL
);

-- Rows come and go all the time: without this, the dead ones slow every look at the few that wait.
ALTER TABLE outbox SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
