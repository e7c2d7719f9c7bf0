-- Scorecards and blends, and what is kept beside the live configuration: drafts, versions, history, the audit log and
-- the answers to requests that may be repeated. `kind` is the name of a kind of object; bodies never hold a secret.

CREATE TABLE scorecards (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    version      TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, name, version)
) STRICT;

CREATE TABLE blends (
    organisation   TEXT NOT NULL REFERENCES organisations (id),
    id             TEXT NOT NULL,
    name           TEXT NOT NULL,
    fallback_model TEXT,
    body           TEXT NOT NULL,
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, name),
    FOREIGN KEY (organisation, fallback_model) REFERENCES models (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- Who refers to which scorecards and blends. The bodies say the same; these rows make the store refuse what dangles.
CREATE TABLE blend_scorecards (
    organisation TEXT NOT NULL,
    id           TEXT NOT NULL,
    other        TEXT NOT NULL,
    PRIMARY KEY (organisation, id, other),
    FOREIGN KEY (organisation, id) REFERENCES blends (organisation, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation, other) REFERENCES scorecards (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX blend_scorecards_other ON blend_scorecards (organisation, other);

CREATE TABLE router_scorecards (
    organisation TEXT NOT NULL,
    id           TEXT NOT NULL,
    other        TEXT NOT NULL,
    PRIMARY KEY (organisation, id, other),
    FOREIGN KEY (organisation, id) REFERENCES routers (organisation, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation, other) REFERENCES scorecards (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX router_scorecards_other ON router_scorecards (organisation, other);

CREATE TABLE policy_blends (
    organisation TEXT NOT NULL,
    id           TEXT NOT NULL,
    other        TEXT NOT NULL,
    PRIMARY KEY (organisation, id, other),
    FOREIGN KEY (organisation, id) REFERENCES policies (organisation, id) ON DELETE CASCADE,
    FOREIGN KEY (organisation, other) REFERENCES blends (organisation, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX policy_blends_other ON policy_blends (organisation, other);

-- Changes of policies and blends that do not route yet; `base` is the live version from which one was made.
CREATE TABLE drafts (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    slug         TEXT,
    base         INTEGER,
    at           INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, kind, id)
) STRICT;

-- Every saved state of a policy or blend, counted from 1; the oldest go.
CREATE TABLE versions (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    number       INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    note         TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organisation, kind, id, number)
) STRICT;

-- Every state of every object, to see the configuration as it was. A deletion has no body. Nothing is ever taken out.
CREATE TABLE history (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    body         TEXT,
    PRIMARY KEY (organisation, kind, id, revision)
) STRICT;

CREATE INDEX history_revision ON history (organisation, revision);

-- Who changed what. `changes` is a JSON list of lines; secrets show as ***.
CREATE TABLE audit (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    at           INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    action       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    changes      TEXT NOT NULL,
    revision     INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_organisation ON audit (organisation, number);
CREATE INDEX audit_object ON audit (organisation, kind, id, number);

-- The answers to requests that may be sent again. They are sealed: one may hold a new API key.
CREATE TABLE idempotency (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    key          TEXT NOT NULL,
    fingerprint  BLOB NOT NULL,
    at           INTEGER NOT NULL,
    answer       BLOB NOT NULL,
    PRIMARY KEY (organisation, key)
) STRICT;

CREATE INDEX idempotency_at ON idempotency (organisation, at);

-- What is there already is the beginning of its history.
INSERT INTO versions (organisation, kind, id, number, at, actor, note, body)
SELECT organisation, 'policy', id, 1, unixepoch() * 1000000, 'engine', 'as it was when versions began', body
FROM policies;

INSERT INTO history (organisation, kind, id, revision, body)
SELECT organisation, kind, id, (SELECT revision FROM registry), body FROM (
    SELECT id AS organisation, 'organisation' AS kind, id, body FROM organisations
    UNION ALL SELECT organisation, 'project', id, body FROM projects
    UNION ALL SELECT organisation, 'provider', id, body FROM providers
    UNION ALL SELECT organisation, 'credential', id, json_set(body, '$.hint', '') FROM credentials
    UNION ALL SELECT organisation, 'model', id, body FROM models
    UNION ALL SELECT organisation, 'policy', id, body FROM policies
    UNION ALL SELECT organisation, 'router', id, body FROM routers
);
