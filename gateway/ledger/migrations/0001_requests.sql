-- One row a request. Narrow: what is filtered, summed or shown in lists has a column, the rest is `detail` (JSON).
CREATE TABLE requests (
    seq                INTEGER PRIMARY KEY, -- place of the end record in the spool
    request            BLOB NOT NULL UNIQUE, -- 16 bytes, big-endian, time-ordered
    at                 INTEGER NOT NULL, -- microseconds since 1970
    organisation       TEXT NOT NULL,
    key                TEXT NOT NULL,
    project            TEXT,
    model              TEXT,
    policy             TEXT,
    outcome            INTEGER NOT NULL, -- 0 completed, 1 failed, 2 interrupted, 3 client_cancelled, 4 unknown_outcome
    status             INTEGER NOT NULL,
    prompt_tokens      INTEGER,
    completion_tokens  INTEGER,
    cost               INTEGER, -- 10^-12 USD
    saved              INTEGER, -- 10^-12 USD
    total_micros       INTEGER NOT NULL,
    first_token_micros INTEGER,
    detail             BLOB NOT NULL
) STRICT;

-- How much of the spool is in here: written in the transaction that writes the rows.
CREATE TABLE spool_state (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    watermark INTEGER NOT NULL,
    retired   INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO spool_state (id, watermark) VALUES (1, 0);

-- Starts without an end whose spool file has been deleted.
CREATE TABLE open_starts (
    request BLOB NOT NULL PRIMARY KEY,
    seq     INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Records that this version could not understand: kept, never dropped.
CREATE TABLE unreadable (
    seq     INTEGER PRIMARY KEY,
    kind    INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
