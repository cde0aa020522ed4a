-- Inbox, outbox and audit grow for ever, so they are cut into months and whole months are dropped. A default partition
-- takes what falls outside (the events of a test clock that ran ahead), so that no row is ever refused for its date.
CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;
--> statement-breakpoint
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
--> statement-breakpoint
CREATE TABLE audit_default PARTITION OF audit DEFAULT;
--> statement-breakpoint
-- Makes the partitions of the months around now. A month that the default partition already holds rows of stays there.
CREATE FUNCTION ensure_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  parent record;
  month_start timestamptz;
  partition_name text;
  taken boolean;
BEGIN
  FOR parent IN SELECT * FROM (VALUES ('inbox', 'event_created_at'), ('outbox', 'recorded_at'), ('audit', 'recorded_at')) AS p (name, key) LOOP
    FOR month_start IN
      SELECT generate_series(date_trunc('month', now(), 'UTC') - interval '1 month', date_trunc('month', now(), 'UTC') + interval '2 months', interval '1 month')
    LOOP
      partition_name := parent.name || '_' || to_char(month_start AT TIME ZONE 'UTC', 'YYYY_MM');
      CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
      EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I >= %L AND %I < %L)', parent.name || '_default', parent.key, month_start, parent.key, month_start + interval '1 month')
        INTO taken;
      CONTINUE WHEN taken;
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', partition_name, parent.name, month_start, month_start + interval '1 month');
    END LOOP;
  END LOOP;
END $$;
--> statement-breakpoint
-- Drops months that ended before the retention. A month with an unhandled or unpublished row in it is kept.
CREATE FUNCTION drop_expired_partitions(parent text, retention interval) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  dropped text[] := '{}';
  candidate text;
  unfinished boolean;
BEGIN
  IF parent NOT IN ('inbox', 'outbox', 'audit') THEN
    RAISE EXCEPTION '% has no retention', parent;
  END IF;
  IF retention < interval '35 days' THEN
    RAISE EXCEPTION 'a retention of % is shorter than the time within which events are sent again', retention;
  END IF;
  FOR candidate IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent::regclass AND c.relname ~ (parent || '_\d{4}_\d{2}$')
      AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' < now() - retention
  LOOP
    unfinished := false;
    IF parent = 'inbox' THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE handled_at IS NULL)', candidate) INTO unfinished;
    ELSIF parent = 'outbox' THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE published_at IS NULL)', candidate) INTO unfinished;
    END IF;
    CONTINUE WHEN unfinished;
    EXECUTE format('DROP TABLE %I', candidate);
    dropped := dropped || candidate;
  END LOOP;
  RETURN dropped;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION ensure_partitions(), drop_expired_partitions(text, interval) FROM public;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION ensure_partitions(), drop_expired_partitions(text, interval) TO quittance_system;
--> statement-breakpoint
SELECT ensure_partitions();
