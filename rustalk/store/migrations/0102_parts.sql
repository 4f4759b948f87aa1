-- A call that another node has passed on to a phone of this one names the record that it has there. How long a BYE
-- waited for its answer is known only after the record is written: no row ever had it.
ALTER TABLE call_records ADD COLUMN part_of TEXT;

CREATE INDEX call_records_by_part_of ON call_records (part_of) WHERE part_of IS NOT NULL;

ALTER TABLE call_legs DROP COLUMN disconnect_ms;
