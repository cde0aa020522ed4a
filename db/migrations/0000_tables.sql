CREATE TABLE "ledger_entries" (
	"project_id" text NOT NULL,
	"entry_id" text NOT NULL,
	"intent" text NOT NULL,
	"user_id" text NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "ledger_entries_project_id_entry_id_pk" PRIMARY KEY("project_id","entry_id")
);
--> statement-breakpoint
CREATE TABLE "ledger_transfers" (
	"project_id" text NOT NULL,
	"entry_id" text NOT NULL,
	"position" integer NOT NULL,
	"debit_account" text NOT NULL,
	"credit_account" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	CONSTRAINT "ledger_transfers_project_id_entry_id_position_pk" PRIMARY KEY("project_id","entry_id","position"),
	CONSTRAINT "ledger_transfers_amount" CHECK ("ledger_transfers"."amount_minor" > 0),
	CONSTRAINT "ledger_transfers_sides" CHECK ("ledger_transfers"."debit_account" <> "ledger_transfers"."credit_account")
);
--> statement-breakpoint
CREATE TABLE "audit" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "audit_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"project_id" text NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"subject_id" text NOT NULL,
	"why" text NOT NULL,
	"correlation_id" text NOT NULL,
	"stripe_ids" text[] NOT NULL,
	"before" jsonb,
	"after" jsonb,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "audit_id_recorded_at_pk" PRIMARY KEY("id","recorded_at")
) PARTITION BY RANGE ("recorded_at");
--> statement-breakpoint
CREATE TABLE "facts" (
	"project_id" text NOT NULL,
	"intent" text NOT NULL,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "facts_project_id_intent_pk" PRIMARY KEY("project_id","intent")
);
--> statement-breakpoint
CREATE TABLE "inbox" (
	"event_id" text NOT NULL,
	"event_created_at" timestamp (3) with time zone NOT NULL,
	"type" text NOT NULL,
	"api_version" text,
	"account" text DEFAULT '' NOT NULL,
	"livemode" boolean NOT NULL,
	"object_id" text NOT NULL,
	"payload" jsonb NOT NULL,
	"received_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"handled_at" timestamp (3) with time zone,
	"outcome" text,
	"workflow_id" text,
	"project_id" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone DEFAULT now() + interval '5 seconds' NOT NULL,
	"last_error" text,
	CONSTRAINT "inbox_event_id_event_created_at_pk" PRIMARY KEY("event_id","event_created_at")
) PARTITION BY RANGE ("event_created_at");
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"project_id" text NOT NULL,
	"event_id" text NOT NULL,
	"topic" text NOT NULL,
	"message_key" text NOT NULL,
	"shard" smallint NOT NULL,
	"position" bigint NOT NULL,
	"envelope" text NOT NULL,
	"published_at" timestamp (3) with time zone,
	CONSTRAINT "outbox_id_recorded_at_pk" PRIMARY KEY("id","recorded_at")
) PARTITION BY RANGE ("recorded_at");
--> statement-breakpoint
CREATE TABLE "outbox_sequences" (
	"project_id" text NOT NULL,
	"topic" text NOT NULL,
	"subject" text NOT NULL,
	"last_sequence" bigint NOT NULL,
	CONSTRAINT "outbox_sequences_project_id_topic_subject_pk" PRIMARY KEY("project_id","topic","subject")
);
--> statement-breakpoint
CREATE TABLE "outbox_streams" (
	"project_id" text NOT NULL,
	"message_key" text NOT NULL,
	"last_position" bigint NOT NULL,
	"parked_at" timestamp (3) with time zone,
	"parked_reason" text,
	CONSTRAINT "outbox_streams_message_key_pk" PRIMARY KEY("message_key")
);
--> statement-breakpoint
CREATE TABLE "customers" (
	"project_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"email" text,
	"livemode" boolean NOT NULL,
	"stripe_customer_id" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "customers_project_id_customer_id_pk" PRIMARY KEY("project_id","customer_id")
);
--> statement-breakpoint
CREATE TABLE "payment_attempts" (
	"project_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"stripe_charge_id" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"outcome" text NOT NULL,
	"decline_code" text,
	"advice_code" text,
	"attempted_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "payment_attempts_project_id_payment_id_stripe_charge_id_pk" PRIMARY KEY("project_id","payment_id","stripe_charge_id")
);
--> statement-breakpoint
CREATE TABLE "payments" (
	"project_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"type" text NOT NULL,
	"status" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"amount_received_minor" bigint DEFAULT 0 NOT NULL,
	"amount_refunded_minor" bigint DEFAULT 0 NOT NULL,
	"quantity" integer NOT NULL,
	"plan_id" text,
	"plan_version" integer,
	"product_id" text,
	"description" text,
	"subscription_id" text,
	"success_url" text NOT NULL,
	"cancel_url" text NOT NULL,
	"metadata" jsonb NOT NULL,
	"correlation_id" text NOT NULL,
	"failure_code" text,
	"stripe_checkout_session_id" text,
	"checkout_url" text,
	"session_opened_at" timestamp (3) with time zone,
	"session_expires_at" timestamp (3) with time zone,
	"stripe_payment_intent_id" text,
	"stripe_invoice_id" text,
	"start_due_at" timestamp (3) with time zone DEFAULT now() + interval '15 seconds' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "payments_project_id_payment_id_pk" PRIMARY KEY("project_id","payment_id"),
	CONSTRAINT "payments_amount" CHECK ("payments"."amount_minor" >= 0),
	CONSTRAINT "payments_refunded" CHECK ("payments"."amount_refunded_minor" between 0 and "payments"."amount_received_minor")
);
--> statement-breakpoint
CREATE TABLE "stripe_objects" (
	"stripe_id" text NOT NULL,
	"account" text DEFAULT '' NOT NULL,
	"livemode" boolean NOT NULL,
	"project_id" text NOT NULL,
	"owner_id" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stripe_objects_stripe_id_account_livemode_pk" PRIMARY KEY("stripe_id","account","livemode")
);
--> statement-breakpoint
CREATE TABLE "subscriptions" (
	"project_id" text NOT NULL,
	"subscription_id" text NOT NULL,
	"customer_id" text NOT NULL,
	"user_id" text NOT NULL,
	"payment_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"plan_id" text NOT NULL,
	"plan_version" integer NOT NULL,
	"quantity" integer NOT NULL,
	"status" text NOT NULL,
	"current_period_start" timestamp (3) with time zone NOT NULL,
	"current_period_end" timestamp (3) with time zone NOT NULL,
	"cancel_at_period_end" boolean NOT NULL,
	"trial_end" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"stripe_subscription_id" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "subscriptions_project_id_subscription_id_pk" PRIMARY KEY("project_id","subscription_id")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"project_id" text NOT NULL,
	"key_id" text NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"livemode" boolean NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_project_id_key_id_pk" PRIMARY KEY("project_id","key_id")
);
--> statement-breakpoint
CREATE TABLE "effects" (
	"project_id" text NOT NULL,
	"intent" text NOT NULL,
	"ordinal" integer NOT NULL,
	"tried_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "effects_project_id_intent_pk" PRIMARY KEY("project_id","intent")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"scope" text NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"seed" "bytea" NOT NULL,
	"locked_until" timestamp (3) with time zone,
	"status" integer,
	"sealed_answer" "bytea",
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_hash_pk" PRIMARY KEY("scope","key_hash")
);
--> statement-breakpoint
CREATE TABLE "operators" (
	"operator_id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "plans" (
	"project_id" text NOT NULL,
	"plan_id" text NOT NULL,
	"version" integer NOT NULL,
	"name" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"interval" text NOT NULL,
	"trial_days" integer NOT NULL,
	"roles" text[] NOT NULL,
	"limits" jsonb NOT NULL,
	"stripe_price_id" text,
	"stripe_product_id" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "plans_project_id_plan_id_version_pk" PRIMARY KEY("project_id","plan_id","version"),
	CONSTRAINT "plans_amount" CHECK ("plans"."amount_minor" >= 0)
);
--> statement-breakpoint
CREATE TABLE "products" (
	"project_id" text NOT NULL,
	"product_id" text NOT NULL,
	"name" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"credits_micro_usd" bigint,
	"stripe_price_id" text,
	"stripe_product_id" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "products_project_id_product_id_pk" PRIMARY KEY("project_id","product_id"),
	CONSTRAINT "products_amount" CHECK ("products"."amount_minor" >= 0)
);
--> statement-breakpoint
CREATE TABLE "projects" (
	"project_id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"currency" text NOT NULL,
	"success_url" text,
	"cancel_url" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_transfers" ADD CONSTRAINT "ledger_transfers_project_id_entry_id_ledger_entries_project_id_entry_id_fk" FOREIGN KEY ("project_id","entry_id") REFERENCES "public"."ledger_entries"("project_id","entry_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_attempts" ADD CONSTRAINT "payment_attempts_project_id_payment_id_payments_project_id_payment_id_fk" FOREIGN KEY ("project_id","payment_id") REFERENCES "public"."payments"("project_id","payment_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_project_id_customer_id_customers_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."customers"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_project_id_plan_id_plan_version_plans_project_id_plan_id_version_fk" FOREIGN KEY ("project_id","plan_id","plan_version") REFERENCES "public"."plans"("project_id","plan_id","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_project_id_product_id_products_project_id_product_id_fk" FOREIGN KEY ("project_id","product_id") REFERENCES "public"."products"("project_id","product_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "stripe_objects" ADD CONSTRAINT "stripe_objects_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_project_id_customer_id_customers_project_id_customer_id_fk" FOREIGN KEY ("project_id","customer_id") REFERENCES "public"."customers"("project_id","customer_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_project_id_payment_id_payments_project_id_payment_id_fk" FOREIGN KEY ("project_id","payment_id") REFERENCES "public"."payments"("project_id","payment_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_project_id_plan_id_plan_version_plans_project_id_plan_id_version_fk" FOREIGN KEY ("project_id","plan_id","plan_version") REFERENCES "public"."plans"("project_id","plan_id","version") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "effects" ADD CONSTRAINT "effects_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plans" ADD CONSTRAINT "plans_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "products" ADD CONSTRAINT "products_project_id_projects_project_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("project_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_entries_intent" ON "ledger_entries" USING btree ("project_id","intent");--> statement-breakpoint
CREATE INDEX "ledger_entries_of_user" ON "ledger_entries" USING btree ("project_id","user_id","recorded_at");--> statement-breakpoint
CREATE INDEX "audit_of_subject" ON "audit" USING btree ("project_id","subject_id","recorded_at");--> statement-breakpoint
CREATE INDEX "inbox_unhandled" ON "inbox" USING btree ("next_attempt_at") WHERE "inbox"."handled_at" is null;--> statement-breakpoint
CREATE INDEX "inbox_received" ON "inbox" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "outbox_unpublished" ON "outbox" USING btree ("shard","id") WHERE "outbox"."published_at" is null;--> statement-breakpoint
CREATE INDEX "outbox_of_event" ON "outbox" USING btree ("project_id","event_id");--> statement-breakpoint
CREATE INDEX "outbox_streams_parked" ON "outbox_streams" USING btree ("message_key") WHERE "outbox_streams"."parked_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "customers_user" ON "customers" USING btree ("project_id","user_id","livemode");--> statement-breakpoint
CREATE INDEX "payments_of_user" ON "payments" USING btree ("project_id","user_id","created_at");--> statement-breakpoint
CREATE INDEX "payments_not_started" ON "payments" USING btree ("start_due_at") WHERE "payments"."status" = 'pending' and "payments"."stripe_checkout_session_id" is null;--> statement-breakpoint
CREATE INDEX "stripe_objects_of_owner" ON "stripe_objects" USING btree ("project_id","owner_id");--> statement-breakpoint
CREATE UNIQUE INDEX "subscriptions_stripe" ON "subscriptions" USING btree ("stripe_subscription_id","livemode");--> statement-breakpoint
CREATE INDEX "subscriptions_of_user" ON "subscriptions" USING btree ("project_id","user_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_hash" ON "api_keys" USING btree ("key_hash");--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "operators_key_hash" ON "operators" USING btree ("key_hash");