-- A bus may move to another socket or be polled at another pace; what hangs on it stays.
GRANT UPDATE (address, poll_interval_ms) ON bus TO joulebook_writer;
