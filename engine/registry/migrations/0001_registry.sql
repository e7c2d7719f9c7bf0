-- The configuration of every organisation. Each object is its typed key columns and a JSON body; what is sealed or
-- hashed stands in a column of its own. Every table but the installation's carries the organisation.

CREATE TABLE registry (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    epoch    INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    -- Deletions up to this revision are forgotten: who is older needs a full copy.
    pruned   INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE organisations (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE policies (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    slug         TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, name),
    UNIQUE (organisation, slug)
) STRICT;

CREATE TABLE projects (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    policy       TEXT,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, name),
    FOREIGN KEY (organisation, policy) REFERENCES policies (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE providers (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id)
) STRICT;

CREATE TABLE credentials (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    provider     TEXT NOT NULL,
    name         TEXT NOT NULL,
    sealed       BLOB NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, provider, name),
    FOREIGN KEY (organisation, provider) REFERENCES providers (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE models (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    provider     TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    FOREIGN KEY (organisation, provider) REFERENCES providers (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE routers (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    policy       TEXT,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, name),
    FOREIGN KEY (organisation, policy) REFERENCES policies (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE keys (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    project      TEXT,
    policy       TEXT,
    revoked      INTEGER NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    FOREIGN KEY (organisation, project) REFERENCES projects (organisation, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organisation, policy) REFERENCES policies (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- A revoked key gives its name free.
CREATE UNIQUE INDEX keys_name ON keys (organisation, name) WHERE revoked = 0;

-- The last change of each object. Organisation is empty for organisations themselves and the pepper.
CREATE TABLE changes (
    kind         TEXT NOT NULL,
    organisation TEXT NOT NULL,
    id           TEXT NOT NULL,
    rev          INTEGER NOT NULL,
    deleted      INTEGER NOT NULL,
    PRIMARY KEY (kind, organisation, id)
) STRICT;

CREATE INDEX changes_rev ON changes (rev);
