DROP INDEX "vee_duty_from_at_meter_id_index";--> statement-breakpoint
ALTER TABLE "rerate_duty" ADD COLUMN "log_shard" smallint;--> statement-breakpoint
ALTER TABLE "vee_duty" ADD COLUMN "log_shard" smallint;--> statement-breakpoint
UPDATE rerate_duty d SET log_shard = e.log_shard FROM meter m JOIN edge e ON e.id = m.edge_id WHERE m.id = d.meter_id;--> statement-breakpoint
UPDATE vee_duty d SET log_shard = e.log_shard FROM meter m JOIN edge e ON e.id = m.edge_id WHERE m.id = d.meter_id;--> statement-breakpoint
ALTER TABLE "rerate_duty" ALTER COLUMN "log_shard" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "vee_duty" ALTER COLUMN "log_shard" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "rerate_duty_log_shard_id_index" ON "rerate_duty" ("log_shard","id") WHERE "failed_at" is null;--> statement-breakpoint
CREATE INDEX "vee_duty_log_shard_from_at_meter_id_index" ON "vee_duty" ("log_shard","from_at","meter_id") WHERE "failed_at" is null;--> statement-breakpoint

-- Whose rater a duty waits for never changes, and each rater asks for its own at every bell. By the
-- right of whoever writes the duty: staff of a company see its meters and gateways.
CREATE FUNCTION fill_duty_shard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN
  SELECT e.log_shard INTO NEW.log_shard FROM meter m JOIN edge e ON e.id = m.edge_id
  WHERE m.id = NEW.meter_id;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER duty_shard BEFORE INSERT ON rerate_duty
  FOR EACH ROW EXECUTE FUNCTION fill_duty_shard();
--> statement-breakpoint
CREATE TRIGGER duty_shard BEFORE INSERT ON vee_duty
  FOR EACH ROW EXECUTE FUNCTION fill_duty_shard();
