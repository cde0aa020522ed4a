-- Three roles. The owner (who runs this file) migrates and is never used at run time. `quittance_app` serves requests and
-- workflows of one project at a time, `quittance_system` what comes before a tenant is known. Their logins are made by setup.

-- The project of the running transaction; no row passes where it is not set. After the transaction the setting reads as
-- an empty text, not as null, on a connection that is used again.
CREATE FUNCTION current_project() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('quittance.project_id', true), '') $$;
--> statement-breakpoint
DO $$
DECLARE tenant_table text;
BEGIN
  FOREACH tenant_table IN ARRAY ARRAY[
    'projects', 'api_keys', 'plans', 'products', 'effects', 'customers', 'payments', 'payment_attempts', 'subscriptions',
    'stripe_objects', 'ledger_entries', 'ledger_transfers', 'facts', 'audit', 'outbox', 'outbox_streams', 'outbox_sequences'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format(
      'CREATE POLICY tenant ON %I FOR ALL TO quittance_app USING (project_id = current_project()) WITH CHECK (project_id = current_project())',
      tenant_table);
  END LOOP;
END $$;
--> statement-breakpoint
-- Tables without a tenant: only the system role passes.
DO $$
DECLARE system_table text;
BEGIN
  FOREACH system_table IN ARRAY ARRAY['operators', 'idempotency_keys', 'inbox'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', system_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', system_table);
    EXECUTE format('CREATE POLICY system ON %I FOR ALL TO quittance_system USING (true) WITH CHECK (true)', system_table);
  END LOOP;
END $$;
--> statement-breakpoint
-- What the system role sees of tenants' tables: whose key it is, who owns an event, what is to be published or started.
DO $$
DECLARE seen_table text;
BEGIN
  FOREACH seen_table IN ARRAY ARRAY['projects', 'api_keys', 'stripe_objects', 'payments', 'subscriptions', 'outbox', 'outbox_streams'] LOOP
    EXECUTE format('CREATE POLICY system_reads ON %I FOR SELECT TO quittance_system USING (true)', seen_table);
  END LOOP;
END $$;
--> statement-breakpoint
CREATE POLICY system_postpones ON payments FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY system_publishes ON outbox FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
CREATE POLICY system_parks ON outbox_streams FOR UPDATE TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
REVOKE ALL ON SCHEMA public FROM public;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO quittance_app, quittance_system;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON projects, api_keys, plans, products, effects, customers, payments, payment_attempts,
  subscriptions, outbox_streams, outbox_sequences TO quittance_app;
--> statement-breakpoint
GRANT SELECT, INSERT ON stripe_objects, ledger_entries, ledger_transfers, facts, audit, outbox TO quittance_app;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO quittance_system;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON operators, inbox TO quittance_system;
--> statement-breakpoint
GRANT SELECT ON projects, api_keys, stripe_objects, outbox, outbox_streams TO quittance_system;
--> statement-breakpoint
GRANT SELECT (project_id, payment_id, user_id, status, plan_id, livemode, correlation_id, subscription_id, stripe_checkout_session_id,
  start_due_at, created_at), UPDATE (start_due_at) ON payments TO quittance_system;
--> statement-breakpoint
GRANT SELECT (project_id, subscription_id, user_id, status, plan_id, payment_id, livemode, stripe_subscription_id) ON subscriptions
  TO quittance_system;
--> statement-breakpoint
GRANT UPDATE (published_at) ON outbox TO quittance_system;
--> statement-breakpoint
GRANT UPDATE (parked_at, parked_reason) ON outbox_streams TO quittance_system;
--> statement-breakpoint
-- What has been written stays as it was written, whoever asks, the owner included.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
DO $$
DECLARE permanent_table text;
BEGIN
  FOREACH permanent_table IN ARRAY ARRAY['ledger_entries', 'ledger_transfers', 'facts', 'audit'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', permanent_table);
    EXECUTE format('CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', permanent_table);
  END LOOP;
END $$;
