-- Numbers that rise by one with each change. Whoever raises one holds its row until the transaction ends, so that
-- changes become visible in the order of their numbers.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('revisions', 0), ('registrations', 0), ('audit', 0);

-- What the API has changed: the value as JSON, or NULL for an item of the file that is deleted. `created` is the
-- revision that made the item, which keeps items in their order; `revision` the one that changed it last.
CREATE TABLE items (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    created BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (collection, key)
);

CREATE TABLE revisions (
    id BIGINT PRIMARY KEY,
    time DOUBLE PRECISION NOT NULL,
    who TEXT NOT NULL,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    before TEXT,
    after TEXT,
    restores BIGINT
);

CREATE INDEX revisions_of_item ON revisions (collection, key, id);

-- Which key seals the secrets of this database.
CREATE TABLE vault (
    fingerprint TEXT PRIMARY KEY
);
