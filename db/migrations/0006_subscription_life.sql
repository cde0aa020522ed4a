CREATE TABLE "clock_deadlines" (
	"project_id" text NOT NULL,
	"clock_id" text NOT NULL,
	"workflow_id" text NOT NULL,
	"next_at" timestamp (3) with time zone NOT NULL,
	"settled_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "clock_deadlines_project_id_workflow_id_pk" PRIMARY KEY("project_id","workflow_id")
);
--> statement-breakpoint
CREATE TABLE "test_clocks" (
	"project_id" text NOT NULL,
	"clock_id" text NOT NULL,
	"name" text,
	"frozen_time" timestamp (3) with time zone NOT NULL,
	"target_time" timestamp (3) with time zone NOT NULL,
	"status" text NOT NULL,
	"correlation_id" text NOT NULL,
	"stripe_test_clock_id" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "test_clocks_project_id_clock_id_pk" PRIMARY KEY("project_id","clock_id")
);
--> statement-breakpoint
CREATE TABLE "dunning_attempts" (
	"project_id" text NOT NULL,
	"invoice_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"intent" text NOT NULL,
	"trigger" text NOT NULL,
	"payment_method_id" text,
	"started_at" timestamp (3) with time zone NOT NULL,
	"outcome" text,
	"decline_code" text,
	"advice_code" text,
	"stripe_charge_id" text,
	"requested_by" text,
	"reason" text,
	CONSTRAINT "dunning_attempts_project_id_invoice_id_ordinal_pk" PRIMARY KEY("project_id","invoice_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "dunning_cases" (
	"project_id" text NOT NULL,
	"invoice_id" text NOT NULL,
	"subscription_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"status" text NOT NULL,
	"amount_due_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"failed_at" timestamp (3) with time zone NOT NULL,
	"policy" jsonb NOT NULL,
	"policy_version" integer NOT NULL,
	"retries_done" integer DEFAULT 0 NOT NULL,
	"retries_noticed" integer DEFAULT 0 NOT NULL,
	"next_retry_at" timestamp (3) with time zone,
	"grace_until" timestamp (3) with time zone NOT NULL,
	"grace_ended" boolean DEFAULT false NOT NULL,
	"pay_url" text,
	"ended_at" timestamp (3) with time zone,
	"end_action_at" timestamp (3) with time zone,
	"correlation_id" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dunning_cases_project_id_invoice_id_pk" PRIMARY KEY("project_id","invoice_id"),
	CONSTRAINT "dunning_cases_amount" CHECK ("dunning_cases"."amount_due_minor" >= 0)
);
--> statement-breakpoint
CREATE TABLE "dunning_policies" (
	"project_id" text NOT NULL,
	"version" integer NOT NULL,
	"plan_id" text DEFAULT '' NOT NULL,
	"policy" jsonb NOT NULL,
	"set_by" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dunning_policies_project_id_version_pk" PRIMARY KEY("project_id","version")
);
--> statement-breakpoint
CREATE TABLE "subscription_commands" (
	"project_id" text NOT NULL,
	"subscription_id" text NOT NULL,
	"command_id" text NOT NULL,
	"kind" text NOT NULL,
	"requested_by" text NOT NULL,
	"reason" text,
	"started_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"refusal" jsonb,
	CONSTRAINT "subscription_commands_project_id_subscription_id_command_id_pk" PRIMARY KEY("project_id","subscription_id","command_id")
);
--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "event_id" text;--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "policy_version" integer;--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "amount_minor" bigint;--> statement-breakpoint
ALTER TABLE "audit" ADD COLUMN "currency" text;--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "clock_id" text;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "grace_ended" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "paused_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "pending_change" jsonb;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD COLUMN "closing_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "clock_deadlines" ADD CONSTRAINT "clock_deadlines_project_id_clock_id_test_clocks_project_id_clock_id_fk" FOREIGN KEY ("project_id","clock_id") REFERENCES "public"."test_clocks"("project_id","clock_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "test_clocks" ADD CONSTRAINT "test_clocks_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dunning_attempts" ADD CONSTRAINT "dunning_attempts_project_id_invoice_id_dunning_cases_project_id_invoice_id_fk" FOREIGN KEY ("project_id","invoice_id") REFERENCES "public"."dunning_cases"("project_id","invoice_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dunning_cases" ADD CONSTRAINT "dunning_cases_project_id_subscription_id_subscriptions_project_id_subscription_id_fk" FOREIGN KEY ("project_id","subscription_id") REFERENCES "public"."subscriptions"("project_id","subscription_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dunning_policies" ADD CONSTRAINT "dunning_policies_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscription_commands" ADD CONSTRAINT "subscription_commands_project_id_subscription_id_subscriptions_project_id_subscription_id_fk" FOREIGN KEY ("project_id","subscription_id") REFERENCES "public"."subscriptions"("project_id","subscription_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "clock_deadlines_due" ON "clock_deadlines" USING btree ("project_id","clock_id","next_at");--> statement-breakpoint
CREATE UNIQUE INDEX "test_clocks_stripe" ON "test_clocks" USING btree ("stripe_test_clock_id");--> statement-breakpoint
CREATE UNIQUE INDEX "dunning_attempts_intent" ON "dunning_attempts" USING btree ("project_id","invoice_id","intent");--> statement-breakpoint
CREATE UNIQUE INDEX "dunning_attempts_charge" ON "dunning_attempts" USING btree ("project_id","stripe_charge_id");--> statement-breakpoint
CREATE UNIQUE INDEX "dunning_attempts_under_way" ON "dunning_attempts" USING btree ("project_id","invoice_id") WHERE "dunning_attempts"."outcome" is null;--> statement-breakpoint
CREATE INDEX "dunning_cases_of_subscription" ON "dunning_cases" USING btree ("project_id","subscription_id","failed_at");--> statement-breakpoint
CREATE INDEX "dunning_cases_open" ON "dunning_cases" USING btree ("customer_id") WHERE "dunning_cases"."status" = 'open';--> statement-breakpoint
CREATE INDEX "dunning_policies_of_plan" ON "dunning_policies" USING btree ("project_id","plan_id","version");--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_project_id_clock_id_test_clocks_project_id_clock_id_fk" FOREIGN KEY ("project_id","clock_id") REFERENCES "public"."test_clocks"("project_id","clock_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
INSERT INTO "dunning_policies" ("project_id", "version", "policy", "set_by")
  SELECT "project_id", 1, "dunning_policy", 'registration' FROM "projects" WHERE "dunning_policy" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "projects" DROP COLUMN "dunning_policy";
--> statement-breakpoint
DO $$
DECLARE tenant_table text;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY[
    'dunning_policies', 'dunning_cases', 'dunning_attempts', 'subscription_commands', 'test_clocks', 'clock_deadlines'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format(
      'CREATE POLICY tenant ON %I FOR ALL TO quittance_app USING (project_id = current_project()) WITH CHECK (project_id = current_project())',
      tenant_table);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON dunning_cases, dunning_attempts, subscription_commands, test_clocks TO quittance_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON dunning_policies TO quittance_app;
--> statement-breakpoint
-- A workflow that has ended waits for nothing any more.
GRANT SELECT, INSERT, UPDATE, DELETE ON clock_deadlines TO quittance_app;
--> statement-breakpoint
-- An event about an unpaid invoice, or about a customer's cards, leads to the case that waits for it.
CREATE POLICY system_reads ON dunning_cases FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
GRANT SELECT (project_id, invoice_id, subscription_id, customer_id, livemode, status, correlation_id) ON dunning_cases TO quittance_system;
--> statement-breakpoint
-- A workflow that an event brings back must know the clock it hangs on; nothing else of a customer.
CREATE POLICY system_reads ON customers FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
GRANT SELECT (project_id, customer_id, clock_id) ON customers TO quittance_system;
--> statement-breakpoint
GRANT SELECT (customer_id) ON subscriptions TO quittance_system;
--> statement-breakpoint
GRANT SELECT (customer_id) ON payments TO quittance_system;
--> statement-breakpoint
-- A clock is ready when what Stripe has told meanwhile is handled: the application asks only how far that is.
CREATE FUNCTION unhandled_test_events(before timestamptz) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public
  AS $$ SELECT count(*) FROM (SELECT 1 FROM inbox WHERE handled_at IS NULL AND NOT livemode AND received_at <= before LIMIT 1000) AS waiting $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION unhandled_test_events(timestamptz) FROM public;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION unhandled_test_events(timestamptz) TO quittance_app;
--> statement-breakpoint
-- Which workflows have been told of something since then, of those that hang on a test clock of this project.
CREATE FUNCTION workflows_told_since(since timestamptz) RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public
  AS $$ SELECT DISTINCT workflow_id FROM inbox
        WHERE project_id = current_project() AND NOT livemode AND received_at >= since AND workflow_id IS NOT NULL $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION workflows_told_since(timestamptz) FROM public;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION workflows_told_since(timestamptz) TO quittance_app;