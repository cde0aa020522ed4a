CREATE TABLE "balance_transactions" (
	"project_id" text NOT NULL,
	"balance_transaction_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"type" text NOT NULL,
	"reporting_category" text NOT NULL,
	"source_id" text,
	"amount_minor" bigint NOT NULL,
	"fee_minor" bigint NOT NULL,
	"net_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"exchange_rate" double precision,
	"payout_id" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"available_on" timestamp (3) with time zone NOT NULL,
	"user_id" text NOT NULL,
	"state" text NOT NULL,
	"explained_by" text,
	"taken_in_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "balance_transactions_project_id_balance_transaction_id_pk" PRIMARY KEY("project_id","balance_transaction_id")
);
--> statement-breakpoint
CREATE TABLE "reconciliation_differences" (
	"reconciliation_id" text NOT NULL,
	"key" text NOT NULL,
	"project_id" text NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"finding" jsonb NOT NULL,
	"found_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp (3) with time zone,
	CONSTRAINT "reconciliation_differences_reconciliation_id_key_pk" PRIMARY KEY("reconciliation_id","key")
);
--> statement-breakpoint
CREATE TABLE "reconciliation_sightings" (
	"reconciliation_id" text NOT NULL,
	"stripe_id" text NOT NULL,
	CONSTRAINT "reconciliation_sightings_reconciliation_id_stripe_id_pk" PRIMARY KEY("reconciliation_id","stripe_id")
);
--> statement-breakpoint
CREATE TABLE "reconciliations" (
	"reconciliation_id" text PRIMARY KEY NOT NULL,
	"livemode" boolean NOT NULL,
	"status" text NOT NULL,
	"requested_by" text NOT NULL,
	"stage" text NOT NULL,
	"cursor" text,
	"broken_off_at" jsonb,
	"calls" integer DEFAULT 0 NOT NULL,
	"compared" integer DEFAULT 0 NOT NULL,
	"foreign" integer DEFAULT 0 NOT NULL,
	"balances" jsonb,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "stripe_cursors" (
	"name" text NOT NULL,
	"livemode" boolean NOT NULL,
	"newest" text NOT NULL,
	"oldest" text,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stripe_cursors_name_livemode_pk" PRIMARY KEY("name","livemode")
);
--> statement-breakpoint
DROP INDEX "ledger_entries_of_user";--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD COLUMN "payment_id" text;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD COLUMN "invoice_id" text;--> statement-breakpoint
ALTER TABLE "balance_transactions" ADD CONSTRAINT "balance_transactions_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_differences" ADD CONSTRAINT "reconciliation_differences_reconciliation_id_reconciliations_reconciliation_id_fk" FOREIGN KEY ("reconciliation_id") REFERENCES "public"."reconciliations"("reconciliation_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "balance_transactions_at_stripe" ON "balance_transactions" USING btree ("balance_transaction_id");--> statement-breakpoint
CREATE INDEX "balance_transactions_of_source" ON "balance_transactions" USING btree ("project_id","source_id");--> statement-breakpoint
CREATE INDEX "balance_transactions_unexplained" ON "balance_transactions" USING btree ("taken_in_at") WHERE "balance_transactions"."state" <> 'explained';--> statement-breakpoint
CREATE INDEX "reconciliation_differences_found" ON "reconciliation_differences" USING btree ("reconciliation_id") WHERE "reconciliation_differences"."status" = 'found';--> statement-breakpoint
CREATE UNIQUE INDEX "reconciliations_running" ON "reconciliations" USING btree ("livemode") WHERE "reconciliations"."status" = 'running';--> statement-breakpoint
CREATE INDEX "reconciliations_in_order" ON "reconciliations" USING btree ("started_at","reconciliation_id");--> statement-breakpoint
CREATE INDEX "ledger_entries_in_order" ON "ledger_entries" USING btree ("project_id","occurred_at","entry_id");--> statement-breakpoint
CREATE INDEX "ledger_entries_of_payment" ON "ledger_entries" USING btree ("project_id","payment_id") WHERE "ledger_entries"."payment_id" is not null;--> statement-breakpoint
CREATE INDEX "ledger_entries_of_user" ON "ledger_entries" USING btree ("project_id","user_id","occurred_at");--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_of_projects" CHECK ("customers"."project_id" <> 'prj_00000000000000000000000000');--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_of_projects" CHECK ("api_keys"."project_id" <> 'prj_00000000000000000000000000');
--> statement-breakpoint
-- What was entered before is known by its intent: `pay_…/succeeded`, `sbs_…/paid/in_…`. Entries are append-only for everybody; this once
-- the owner adds what they could not say yet.
ALTER TABLE "ledger_entries" DISABLE TRIGGER append_only;
--> statement-breakpoint
UPDATE "ledger_entries" SET
  "payment_id" = substring("intent" from '^(pay_[^/]+)/'),
  "invoice_id" = substring("intent" from '^sbs_[^/]+/paid/(.+)$');
--> statement-breakpoint
UPDATE "ledger_entries" SET "invoice_id" = "payments"."stripe_invoice_id" FROM "payments"
  WHERE "payments"."project_id" = "ledger_entries"."project_id" AND "payments"."payment_id" = "ledger_entries"."payment_id";
--> statement-breakpoint
ALTER TABLE "ledger_entries" ENABLE TRIGGER append_only;
--> statement-breakpoint
-- The book of the Stripe account itself: see decisions/0017. No key and no customer can be made for it.
INSERT INTO projects (project_id, name, currency) VALUES ('prj_00000000000000000000000000', 'Stripe account', 'usd');
--> statement-breakpoint
ALTER TABLE balance_transactions ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE balance_transactions FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY tenant ON balance_transactions FOR ALL TO quittance_app
  USING (project_id = current_project()) WITH CHECK (project_id = current_project());
--> statement-breakpoint
-- Of which changes of the balance are known, over all projects, and which payout they were part of.
CREATE POLICY system_reads ON balance_transactions FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
CREATE POLICY system_pays_out ON balance_transactions FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (state, explained_by) ON balance_transactions TO quittance_app;
--> statement-breakpoint
GRANT SELECT, UPDATE (payout_id) ON balance_transactions TO quittance_system;
--> statement-breakpoint
-- A comparison is of the whole installation.
DO $$
DECLARE system_table text;
BEGIN
  FOREACH system_table IN ARRAY ARRAY[
    'stripe_cursors', 'reconciliations', 'reconciliation_differences', 'reconciliation_sightings'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', system_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', system_table);
    EXECUTE format('CREATE POLICY system ON %I FOR ALL TO quittance_system USING (true) WITH CHECK (true)', system_table);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON reconciliations, reconciliation_differences TO quittance_system;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON stripe_cursors, reconciliation_sightings TO quittance_system;
--> statement-breakpoint
-- What all books together say that Stripe holds, and nothing more of them.
CREATE FUNCTION stripe_balance_of_all_books() RETURNS TABLE (currency text, amount_minor bigint) LANGUAGE sql STABLE SECURITY DEFINER
  SET search_path = public
  AS $$ SELECT t.currency, sum(CASE WHEN t.debit_account = 'stripe_balance' THEN t.amount_minor ELSE -t.amount_minor END)::bigint
        FROM ledger_transfers t WHERE 'stripe_balance' IN (t.debit_account, t.credit_account) GROUP BY t.currency $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION stripe_balance_of_all_books() FROM public;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION stripe_balance_of_all_books() TO quittance_system;
