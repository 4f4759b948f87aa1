-- Who is shut out, by all nodes. A ban that is lifted stays for a while with `until` 0, so that the other nodes hear of
-- it; `version` rises with each change. Times are in seconds since 1970.
CREATE TABLE bans (
    source TEXT PRIMARY KEY,
    why TEXT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    node TEXT NOT NULL,
    changed_at DOUBLE PRECISION NOT NULL,
    version BIGINT NOT NULL
);

CREATE INDEX bans_by_version ON bans (version);

INSERT INTO counters (name, value) VALUES ('bans', 0);
