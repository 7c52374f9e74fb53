-- A duty to validate that cannot be worked off is set aside like one to rate again.
GRANT UPDATE (failed_at, failure) ON vee_duty TO joulebook_writer;
