-- A dispute whose workflow was terminated is taken up again.
CREATE POLICY system_reads ON disputes FOR SELECT TO quittance_system USING (true);
--> statement-breakpoint
GRANT SELECT (project_id, dispute_id, stripe_dispute_id, customer_id, user_id, payment_id, subscription_id, status, correlation_id)
  ON disputes TO quittance_system;
