-- What callers sent and got, where their key or organisation asked for it. A file of its own: it can be deleted without
-- touching a single row of the ledger, and it is wiped as it shrinks.
CREATE TABLE bodies (
    request       BLOB NOT NULL PRIMARY KEY, -- 16 bytes, as in the ledger
    at            INTEGER NOT NULL, -- microseconds since 1970
    expires       INTEGER NOT NULL, -- microseconds since 1970
    organisation  TEXT NOT NULL,
    key           TEXT NOT NULL,
    request_bytes INTEGER NOT NULL, -- as sent; what is kept may be cut
    request_kept  INTEGER NOT NULL,
    request_body  BLOB NOT NULL, -- zstd
    answer_bytes  INTEGER NOT NULL,
    answer_kept   INTEGER NOT NULL,
    answer_body   BLOB NOT NULL -- zstd
) STRICT;
CREATE INDEX bodies_by_key ON bodies (key);
CREATE INDEX bodies_by_expiry ON bodies (expires);
