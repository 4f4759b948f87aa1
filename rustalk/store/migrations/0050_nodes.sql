-- When a binding was made, and when its phone confirmed it last. A binding was known by its instance alone, also where
-- a phone has several without outbound: those register again.
DELETE FROM registrations WHERE reg_id = 0 AND instance <> '';

ALTER TABLE registrations ADD COLUMN since DOUBLE PRECISION NOT NULL DEFAULT 0;

ALTER TABLE registrations ADD COLUMN refreshed_at DOUBLE PRECISION NOT NULL DEFAULT 0;

-- The processes that share this database, and where they take calls for the phones of each other. `seen_at` is by the
-- clock of the database, which is the only one that all of them see.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    transport TEXT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL
);
