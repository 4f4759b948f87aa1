-- Bindings of phones, those of all nodes. One that is removed stays for a while with `expires_at` 0, so that the
-- other nodes hear of it; `version` rises with each change.
CREATE TABLE registrations (
    extension TEXT NOT NULL,
    key TEXT NOT NULL,
    instance TEXT NOT NULL,
    reg_id INTEGER NOT NULL,
    contact TEXT NOT NULL,
    q DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    path TEXT NOT NULL,
    profile TEXT NOT NULL,
    transport TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    call_id TEXT NOT NULL,
    cseq BIGINT NOT NULL,
    node TEXT NOT NULL,
    changed_at DOUBLE PRECISION NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (extension, key)
);

CREATE INDEX registrations_by_version ON registrations (version);

-- When an extension last had a binding.
CREATE TABLE last_seen (
    extension TEXT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL
);
