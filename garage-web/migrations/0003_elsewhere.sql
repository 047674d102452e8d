-- Somebody who signs in by a provider (OpenID Connect): whose they are, and who they are there. They have no password here.
ALTER TABLE people ADD COLUMN issuer TEXT;
ALTER TABLE people ADD COLUMN subject TEXT;

CREATE UNIQUE INDEX people_elsewhere ON people (issuer, subject);

-- What the provider wants to see again when they sign out.
ALTER TABLE sessions ADD COLUMN id_token TEXT;
