-- An entry is whole once its transaction has ended: transfers are written together with their entry or not at all, whoever writes.
-- The transaction that made a row is its xmin. (One made inside a savepoint would have the savepoint's: entries are not.)
CREATE FUNCTION refuse_later_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.ledger_entries entry WHERE entry.project_id = NEW.project_id AND entry.entry_id = NEW.entry_id
      AND entry.xmin = pg_current_xact_id()::xid) THEN
    RAISE EXCEPTION 'nothing is added to an entry later' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER whole_entry AFTER INSERT ON ledger_transfers FOR EACH ROW EXECUTE FUNCTION refuse_later_transfer();
