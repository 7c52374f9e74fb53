ALTER TABLE "log_dropped" DROP CONSTRAINT "log_dropped_pkey";--> statement-breakpoint
ALTER TABLE "log_dropped" ADD PRIMARY KEY ("day","shard","position_min");