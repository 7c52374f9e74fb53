-- An administrator takes back a key of the company; nobody makes a revoked one good again.
CREATE POLICY edge_key_revoke ON edge_key FOR UPDATE TO joulebook_api
  USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company())
         AND revoked_at IS NULL)
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company())
              AND revoked_at IS NOT NULL);
--> statement-breakpoint
GRANT UPDATE (revoked_at) ON edge_key TO joulebook_api;
