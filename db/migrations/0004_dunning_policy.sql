ALTER TABLE "projects" ADD COLUMN "dunning_policy" jsonb;--> statement-breakpoint
CREATE INDEX "payments_of_project" ON "payments" USING btree ("project_id","livemode","created_at","payment_id");