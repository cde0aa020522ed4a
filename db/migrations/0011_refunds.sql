CREATE TABLE "charges" (
	"project_id" text NOT NULL,
	"stripe_charge_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"type" text NOT NULL,
	"payment_id" text,
	"subscription_id" text,
	"invoice_id" text,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"captured_at" timestamp (3) with time zone NOT NULL,
	"correlation_id" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "charges_project_id_stripe_charge_id_pk" PRIMARY KEY("project_id","stripe_charge_id")
);
--> statement-breakpoint
CREATE TABLE "disputes" (
	"project_id" text NOT NULL,
	"dispute_id" text NOT NULL,
	"stripe_dispute_id" text NOT NULL,
	"stripe_charge_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"payment_id" text,
	"subscription_id" text,
	"invoice_id" text,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"reason" text NOT NULL,
	"status" text NOT NULL,
	"evidence_due_at" timestamp (3) with time zone,
	"opened_at" timestamp (3) with time zone NOT NULL,
	"closed_at" timestamp (3) with time zone,
	"is_withdrawn" boolean DEFAULT false NOT NULL,
	"movements" integer DEFAULT 0 NOT NULL,
	"correlation_id" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "disputes_project_id_dispute_id_pk" PRIMARY KEY("project_id","dispute_id")
);
--> statement-breakpoint
CREATE TABLE "refund_policies" (
	"project_id" text NOT NULL,
	"version" integer NOT NULL,
	"policy" jsonb NOT NULL,
	"set_by" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "refund_policies_project_id_version_pk" PRIMARY KEY("project_id","version")
);
--> statement-breakpoint
CREATE TABLE "refunds" (
	"project_id" text NOT NULL,
	"refund_id" text NOT NULL,
	"stripe_charge_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"payment_id" text,
	"subscription_id" text,
	"invoice_id" text,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"reason" text,
	"status" text NOT NULL,
	"failure_code" text,
	"origin" text NOT NULL,
	"subscription_action" text NOT NULL,
	"requested_by" text NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"decided_by" text,
	"decided_at" timestamp (3) with time zone,
	"decision_reason" text,
	"stripe_refund_id" text,
	"stripe_credit_note_id" text,
	"correlation_id" text NOT NULL,
	"start_due_at" timestamp (3) with time zone DEFAULT now() + interval '15 seconds' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "refunds_project_id_refund_id_pk" PRIMARY KEY("project_id","refund_id"),
	CONSTRAINT "refunds_amount" CHECK ("refunds"."amount_minor" > 0)
);
--> statement-breakpoint
ALTER TABLE "charges" ADD CONSTRAINT "charges_project_id_customer_id_customers_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."customers"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "disputes" ADD CONSTRAINT "disputes_project_id_stripe_charge_id_charges_project_id_stripe_charge_id_fk" FOREIGN KEY ("project_id","stripe_charge_id") REFERENCES "public"."charges"("project_id","stripe_charge_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refund_policies" ADD CONSTRAINT "refund_policies_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_project_id_stripe_charge_id_charges_project_id_stripe_charge_id_fk" FOREIGN KEY ("project_id","stripe_charge_id") REFERENCES "public"."charges"("project_id","stripe_charge_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "disputes_at_stripe" ON "disputes" USING btree ("project_id","stripe_dispute_id");--> statement-breakpoint
CREATE INDEX "disputes_of_project" ON "disputes" USING btree ("project_id","livemode","created_at","dispute_id");--> statement-breakpoint
CREATE UNIQUE INDEX "refunds_at_stripe" ON "refunds" USING btree ("project_id","stripe_refund_id");--> statement-breakpoint
CREATE INDEX "refunds_of_charge" ON "refunds" USING btree ("project_id","stripe_charge_id");--> statement-breakpoint
CREATE INDEX "refunds_of_project" ON "refunds" USING btree ("project_id","livemode","created_at","refund_id");--> statement-breakpoint
CREATE INDEX "refunds_not_started" ON "refunds" USING btree ("start_due_at") WHERE "refunds"."status" = 'pending' and "refunds"."stripe_refund_id" is null;--> statement-breakpoint
DO $$
DECLARE tenant_table text;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY['charges', 'refunds', 'disputes', 'refund_policies'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY tenant ON %I FOR ALL TO quittance_app
      USING (project_id = current_project()) WITH CHECK (project_id = current_project())', tenant_table);
  END LOOP;
END $$;
--> statement-breakpoint
-- What was captured never changes, and a policy is followed by the next version.
GRANT SELECT, INSERT ON charges, refund_policies TO quittance_app;
--> statement-breakpoint
-- The row of a charge is locked while refunds of it are reckoned, which Postgres lets only those do who may update something.
GRANT UPDATE (created_at) ON charges TO quittance_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON refunds, disputes TO quittance_app;
--> statement-breakpoint
-- An event about a refund leads to the workflow that owns it, and the sweep takes up what nobody has.
CREATE POLICY system_reads ON refunds FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
CREATE POLICY system_postpones ON refunds FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
GRANT SELECT (project_id, refund_id, customer_id, user_id, livemode, status, stripe_refund_id, correlation_id, start_due_at),
  UPDATE (start_due_at) ON refunds TO quittance_system;
