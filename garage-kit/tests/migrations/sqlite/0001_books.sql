-- Aggregates are rows (id, version, body). What is searched or constrained is derived from the body by the
-- database itself. The same tables as in ../postgres, whose comments hold here too.

CREATE TABLE authors (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    name TEXT GENERATED ALWAYS AS (body->'index'->>'name') STORED
) STRICT;

CREATE INDEX authors_name ON authors (name, id);

CREATE TABLE books (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    isbn TEXT GENERATED ALWAYS AS (body->'index'->>'isbn') STORED,
    title TEXT GENERATED ALWAYS AS (body->'index'->>'title') STORED,
    search TEXT GENERATED ALWAYS AS (body->'index'->>'search') STORED,
    author_id TEXT GENERATED ALWAYS AS (body->'index'->>'author_id') STORED REFERENCES authors (id)
) STRICT;

CREATE UNIQUE INDEX books_isbn ON books (isbn);
CREATE INDEX books_title ON books (title, id);
CREATE INDEX books_author_id ON books (author_id, id);

CREATE TABLE books_tags (
    value TEXT NOT NULL,
    id TEXT NOT NULL REFERENCES books (id) ON DELETE CASCADE,
    PRIMARY KEY (value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX books_tags_id ON books_tags (id);

CREATE TRIGGER books_tags_stored AFTER INSERT ON books
BEGIN
    INSERT INTO books_tags (value, id)
    SELECT DISTINCT value, NEW.id FROM json_each(NEW.body, '$.index.tags') WHERE value IS NOT NULL;
END;

CREATE TRIGGER books_tags_changed AFTER UPDATE OF body ON books
WHEN OLD.body->'index'->>'tags' IS NOT NEW.body->'index'->>'tags'
BEGIN
    DELETE FROM books_tags WHERE id = NEW.id;
    INSERT INTO books_tags (value, id)
    SELECT DISTINCT value, NEW.id FROM json_each(NEW.body, '$.index.tags') WHERE value IS NOT NULL;
END;

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;
