CREATE TABLE "notices" (
	"project_id" text NOT NULL,
	"notice_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"data" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"refusals" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_error" text,
	"skipped_reason" text,
	CONSTRAINT "notices_project_id_notice_id_pk" PRIMARY KEY("project_id","notice_id")
);
--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_project_id_customer_id_customers_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."customers"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "notices_unsent" ON "notices" USING btree ("next_attempt_at") WHERE "notices"."sent_at" is null and "notices"."skipped_reason" is null;
--> statement-breakpoint
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY tenant ON notices FOR ALL TO quittance_app
  USING (project_id = current_project()) WITH CHECK (project_id = current_project());
--> statement-breakpoint
-- The mail relay claims and marks over all projects; the customer's address it reads within the project, as the application.
CREATE POLICY system_reads ON notices FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
CREATE POLICY system_sends ON notices FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
GRANT SELECT, INSERT ON notices TO quittance_app;
--> statement-breakpoint
GRANT SELECT, UPDATE (sent_at, attempts, refusals, next_attempt_at, last_error, skipped_reason) ON notices TO quittance_system;
