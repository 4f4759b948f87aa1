-- One row for each call that is over. `key` is the millisecond of its start, shifted by 20 bits and made unique, so
-- that the order of keys is the order of time. Times are milliseconds since 1970. The numbers as they came stand in
-- `original_*`, which are NULL where nobody rewrote them. `band` is the number of bits of the duration in seconds.
-- only sqlite
CREATE TABLE call_records (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    node TEXT NOT NULL,
    status TEXT NOT NULL,
    caller TEXT NOT NULL,
    called TEXT NOT NULL,
    original_caller TEXT,
    original_called TEXT,
    caller_name TEXT NOT NULL,
    caller_domain TEXT NOT NULL,
    called_domain TEXT NOT NULL,
    source TEXT,
    destination TEXT,
    route TEXT NOT NULL,
    tenant TEXT NOT NULL,
    started BIGINT NOT NULL,
    answered BIGINT,
    ended BIGINT NOT NULL,
    duration BIGINT,
    band INTEGER,
    reason TEXT,
    sip_status INTEGER,
    hung_up_by TEXT,
    said TEXT NOT NULL,
    a_codec TEXT,
    b_codec TEXT,
    recording_path TEXT,
    transferred_to TEXT,
    transferred_from TEXT,
    cost TEXT,
    currency TEXT,
    card TEXT,
    charges TEXT
);

-- only postgresql
CREATE TABLE call_records (
    key BIGINT PRIMARY KEY,
    id TEXT NOT NULL,
    node TEXT NOT NULL,
    status TEXT NOT NULL,
    caller TEXT NOT NULL,
    called TEXT NOT NULL,
    original_caller TEXT,
    original_called TEXT,
    caller_name TEXT NOT NULL,
    caller_domain TEXT NOT NULL,
    called_domain TEXT NOT NULL,
    source TEXT,
    destination TEXT,
    route TEXT NOT NULL,
    tenant TEXT NOT NULL,
    started BIGINT NOT NULL,
    answered BIGINT,
    ended BIGINT NOT NULL,
    duration BIGINT,
    band INTEGER,
    reason TEXT,
    sip_status INTEGER,
    hung_up_by TEXT,
    said TEXT NOT NULL,
    a_codec TEXT,
    b_codec TEXT,
    recording_path TEXT,
    transferred_to TEXT,
    transferred_from TEXT,
    cost TEXT,
    currency TEXT,
    card TEXT,
    charges TEXT
);

-- How many calls the table has.
INSERT INTO counters (name, value) VALUES ('call_records', 0);

CREATE UNIQUE INDEX call_records_by_id ON call_records (id);

CREATE INDEX call_records_by_caller ON call_records (caller, key);

CREATE INDEX call_records_by_called ON call_records (called, key);

CREATE INDEX call_records_by_original_caller ON call_records (original_caller, key) WHERE original_caller IS NOT NULL;

CREATE INDEX call_records_by_original_called ON call_records (original_called, key) WHERE original_called IS NOT NULL;

CREATE INDEX call_records_by_source ON call_records (source, key);

CREATE INDEX call_records_by_destination ON call_records (destination, key);

CREATE INDEX call_records_by_status ON call_records (status, key);

CREATE INDEX call_records_by_reason ON call_records (reason, key);

CREATE INDEX call_records_by_band ON call_records (band, key, duration) WHERE band IS NOT NULL;

-- One row for each leg of a call: the one that called us, and one for each INVITE that we sent.
CREATE TABLE call_legs (
    call BIGINT NOT NULL,
    number INTEGER NOT NULL,
    sip_call_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    trunk TEXT,
    peer TEXT NOT NULL,
    transport TEXT NOT NULL,
    caller TEXT NOT NULL,
    called TEXT NOT NULL,
    from_tag TEXT NOT NULL,
    to_tag TEXT NOT NULL,
    codecs TEXT NOT NULL,
    started BIGINT,
    progressed BIGINT,
    answered BIGINT,
    ended BIGINT,
    disconnect_ms DOUBLE PRECISION,
    sip_status INTEGER,
    reason TEXT,
    quality TEXT,
    PRIMARY KEY (call, number)
);

CREATE INDEX call_legs_by_sip_call_id ON call_legs (sip_call_id, call);
