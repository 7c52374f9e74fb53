-- The intake alone counts what it refuses.
GRANT SELECT, INSERT, UPDATE ON quarantine_quota TO joulebook_writer;
