-- A recorded change that has not begun is taken back by staff: the agreement that would begin with it
-- goes, and no other one ever does.
GRANT DELETE ON agreement, mode_change TO joulebook_api;
--> statement-breakpoint
CREATE POLICY agreement_taken_back ON agreement AS RESTRICTIVE FOR DELETE TO joulebook_api
  USING ((SELECT viewer_is_staff()) AND EXISTS (
    SELECT FROM mode_change c WHERE c.next_id = agreement.id AND c.settled_at IS NULL));
--> statement-breakpoint
CREATE POLICY mode_change_taken_back ON mode_change AS RESTRICTIVE FOR DELETE TO joulebook_api
  USING ((SELECT viewer_is_staff()) AND settled_at IS NULL);
--> statement-breakpoint
-- A former customer's name gives way to a pseudonym, and so do names of cards at providers.
GRANT UPDATE (name) ON customer TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (instrument) ON provider_call TO joulebook_api;
--> statement-breakpoint
-- What a payer wrote may be emptied and nothing else, by the owner neither.
CREATE FUNCTION refuse_rewrite_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.remittance = '' AND to_jsonb(NEW) - 'remittance' = to_jsonb(OLD) - 'remittance' THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'APPEND_ONLY: rows of % are never changed; a correction is a further row',
    TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
DROP TRIGGER append_only ON bank_entry;
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON bank_entry
  FOR EACH ROW EXECUTE FUNCTION refuse_rewrite_but_erasure();
--> statement-breakpoint
GRANT UPDATE (remittance) ON bank_entry TO joulebook_api;
