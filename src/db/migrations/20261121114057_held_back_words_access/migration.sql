-- Staff may leave a row that is held back out for good; taking it in is the writer's alone.
CREATE POLICY exception_resolution_dismiss ON exception_resolution FOR INSERT TO joulebook_api
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company())
              AND kind = 'dismissed');
--> statement-breakpoint
GRANT INSERT ON exception_resolution TO joulebook_api;
--> statement-breakpoint
-- A duty that cannot be worked off is set aside where it stands.
GRANT UPDATE (failed_at, failure) ON rerate_duty TO joulebook_writer;
