-- Whoever sees a meter's readings sees its marks: without them the same readings are other energy.
CREATE POLICY register_mark_subscriber ON register_mark FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM meter m WHERE m.id = register_mark.meter_id));
--> statement-breakpoint
-- A meter is exchanged: the new one takes the old one's place at the service point and on the bus.
GRANT INSERT ON meter TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (bus_id, unit_id, contactor_unit_id, contactor_coil) ON meter
  TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT INSERT ON supply TO joulebook_api;
--> statement-breakpoint
-- Of a register whose readings were all taken back, or lie before its installation, nothing stands.
GRANT DELETE ON series_head TO joulebook_writer;
