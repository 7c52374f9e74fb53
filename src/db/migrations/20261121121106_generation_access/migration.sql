GRANT UPDATE (has_generation) ON service_point TO joulebook_writer;
