CREATE TABLE "credit_lots" (
	"project_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"number" integer NOT NULL,
	"kind" text NOT NULL,
	"amount" bigint NOT NULL,
	"taken_back" bigint DEFAULT 0 NOT NULL,
	"remaining" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"empty_at" timestamp (3) with time zone,
	"payment_id" text,
	"price_minor" bigint,
	"currency" text,
	"earned_minor" bigint DEFAULT 0 NOT NULL,
	"refunded_minor" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "credit_lots_project_id_customer_id_number_pk" PRIMARY KEY("project_id","customer_id","number"),
	CONSTRAINT "credit_lots_amount" CHECK ("credit_lots"."amount" > 0),
	CONSTRAINT "credit_lots_remaining" CHECK ("credit_lots"."remaining" between 0 and "credit_lots"."amount" - "credit_lots"."taken_back"),
	CONSTRAINT "credit_lots_empty" CHECK (("credit_lots"."remaining" = 0) = ("credit_lots"."empty_at" is not null)),
	CONSTRAINT "credit_lots_price" CHECK ("credit_lots"."earned_minor" >= 0 and "credit_lots"."refunded_minor" >= 0 and "credit_lots"."earned_minor" + "credit_lots"."refunded_minor" <= coalesce("credit_lots"."price_minor", 0))
);
--> statement-breakpoint
CREATE TABLE "top_ups" (
	"project_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"product_id" text NOT NULL,
	"wanted_balance" bigint NOT NULL,
	"status" text NOT NULL,
	"payment_method_id" text,
	"failure_code" text,
	"correlation_id" text NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"start_due_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "top_ups_project_id_payment_id_pk" PRIMARY KEY("project_id","payment_id")
);
--> statement-breakpoint
CREATE TABLE "wallet_transactions" (
	"project_id" text NOT NULL,
	"transaction_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"number" integer NOT NULL,
	"kind" text NOT NULL,
	"amount" bigint NOT NULL,
	"balance_after" bigint NOT NULL,
	"reference" text NOT NULL,
	"description" text,
	"lots" jsonb NOT NULL,
	"money_minor" bigint,
	"money_currency" text,
	"actor" text NOT NULL,
	"correlation_id" text NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "wallet_transactions_project_id_transaction_id_pk" PRIMARY KEY("project_id","transaction_id"),
	CONSTRAINT "wallet_transactions_amount" CHECK ("wallet_transactions"."amount" <> 0)
);
--> statement-breakpoint
CREATE TABLE "wallets" (
	"project_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"clock_id" text,
	"balance" bigint DEFAULT 0 NOT NULL,
	"movements" integer DEFAULT 0 NOT NULL,
	"locked_at" timestamp (3) with time zone,
	"lock_reason" text,
	"minimum_balance" bigint DEFAULT 0 NOT NULL,
	"low_balance_threshold" bigint,
	"low_since" timestamp (3) with time zone,
	"top_up_product_id" text,
	"top_up_threshold" bigint,
	"top_up_max_per_day" integer,
	"top_up_stopped" text,
	"expiry_due_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "wallets_project_id_customer_id_pk" PRIMARY KEY("project_id","customer_id"),
	CONSTRAINT "wallets_balance" CHECK ("wallets"."balance" >= 0)
);
--> statement-breakpoint
ALTER TABLE "credit_lots" ADD CONSTRAINT "credit_lots_project_id_customer_id_wallets_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."wallets"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_project_id_customer_id_wallets_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."wallets"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "wallet_transactions" ADD CONSTRAINT "wallet_transactions_project_id_customer_id_wallets_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."wallets"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "wallets" ADD CONSTRAINT "wallets_project_id_customer_id_customers_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."customers"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "wallets" ADD CONSTRAINT "wallets_project_id_top_up_product_id_products_project_id_product_id_fk" FOREIGN KEY ("project_id","top_up_product_id") REFERENCES "public"."products"("project_id","product_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "credit_lots_open" ON "credit_lots" USING btree ("project_id","customer_id","expires_at","number") WHERE "credit_lots"."empty_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "credit_lots_of_payment" ON "credit_lots" USING btree ("project_id","payment_id") WHERE "credit_lots"."payment_id" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "top_ups_open" ON "top_ups" USING btree ("project_id","customer_id") WHERE "top_ups"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "top_ups_of_wallet" ON "top_ups" USING btree ("project_id","customer_id","requested_at");--> statement-breakpoint
CREATE INDEX "top_ups_not_started" ON "top_ups" USING btree ("start_due_at") WHERE "top_ups"."ended_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "wallet_transactions_number" ON "wallet_transactions" USING btree ("project_id","customer_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "wallets_of_user" ON "wallets" USING btree ("project_id","user_id","livemode");--> statement-breakpoint
CREATE INDEX "wallets_expiry_due" ON "wallets" USING btree ("expiry_due_at") WHERE "wallets"."expiry_due_at" is not null;
--> statement-breakpoint
DO $$
DECLARE tenant_table text;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY['wallets', 'credit_lots', 'wallet_transactions', 'top_ups'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format(
      'CREATE POLICY tenant ON %I FOR ALL TO quittance_app USING (project_id = current_project()) WITH CHECK (project_id = current_project())',
      tenant_table);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON wallets, credit_lots, top_ups TO quittance_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON wallet_transactions TO quittance_app;
--> statement-breakpoint
-- The sweep sees which workflow is to be told over all projects, and puts it off; of credits it sees nothing.
CREATE POLICY system_reads ON wallets FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
CREATE POLICY system_postpones ON wallets FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY system_reads ON top_ups FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
CREATE POLICY system_postpones ON top_ups FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
GRANT SELECT (project_id, customer_id, user_id, clock_id, expiry_due_at), UPDATE (expiry_due_at) ON wallets TO quittance_system;
--> statement-breakpoint
GRANT SELECT (project_id, payment_id, user_id, correlation_id, ended_at, start_due_at), UPDATE (start_due_at) ON top_ups
  TO quittance_system;
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallet_transactions FOR EACH ROW EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON wallet_transactions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
