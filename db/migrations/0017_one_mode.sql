CREATE TABLE "installation" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"livemode" boolean NOT NULL,
	"settled_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "installation_only" CHECK ("installation"."only")
);
--> statement-breakpoint
-- An installation that is in use has keys of its mode.
INSERT INTO installation (livemode) SELECT livemode FROM api_keys ORDER BY created_at LIMIT 1;
--> statement-breakpoint
ALTER TABLE installation ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE installation FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY system ON installation FOR ALL TO quittance_system USING (true) WITH CHECK (true);
--> statement-breakpoint
GRANT SELECT, INSERT ON installation TO quittance_system;
