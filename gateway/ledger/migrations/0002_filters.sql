-- Every list is ordered by the time of the request, so each index ends with it: a filter is one range of one index, read
-- backwards until the page is full. Rows that are like nearly all others (status 200, completed) are in no index of
-- their own; the order by time finds them at once.
ALTER TABLE requests ADD COLUMN provider TEXT GENERATED ALWAYS AS (substr(model, 1, instr(model, '/') - 1)) VIRTUAL;
CREATE INDEX requests_by_time ON requests (at);
CREATE INDEX requests_by_organisation ON requests (organisation, at);
CREATE INDEX requests_by_key ON requests (key, at);
CREATE INDEX requests_by_model ON requests (model, at) WHERE model IS NOT NULL;
CREATE INDEX requests_by_provider ON requests (provider, at) WHERE provider IS NOT NULL;
CREATE INDEX requests_by_policy ON requests (policy, at) WHERE policy IS NOT NULL;
CREATE INDEX requests_by_project ON requests (project, at) WHERE project IS NOT NULL;
CREATE INDEX requests_by_status ON requests (status, at) WHERE status <> 200;
CREATE INDEX requests_by_outcome ON requests (outcome, at) WHERE outcome <> 0;

-- The callers' labels. `at` repeats the row's, for the order of lists.
CREATE TABLE tags (
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    at    INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (key, value, at, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_row ON tags (seq);
