-- Consuming credits is the hot path: one statement, so one round trip, and the wallet is locked for no longer than the server
-- needs. The rules are those of domain/credits.ts; test/db/wallet-model.test.ts holds the two together.

-- What time it is for a customer: that of their test clock, if they hang on one.
CREATE FUNCTION time_on(clock text) RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT coalesce(
    (SELECT frozen_time FROM test_clocks WHERE project_id = current_project() AND clock_id = clock),
    clock_timestamp()) $$;
--> statement-breakpoint
CREATE FUNCTION in_rfc_3339(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
--> statement-breakpoint
-- A wallet as its owner sees it: without what has expired, whether or not that has been recorded yet.
CREATE FUNCTION show_wallet(wallet wallets, at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
  WITH spendable AS (
    SELECT * FROM credit_lots
    WHERE project_id = wallet.project_id AND customer_id = wallet.customer_id AND empty_at IS NULL
      AND (expires_at IS NULL OR expires_at > at)
  )
  SELECT jsonb_build_object(
    'user_id', wallet.user_id,
    'balance', coalesce(sum(remaining), 0),
    'available', greatest(coalesce(sum(remaining), 0) - wallet.minimum_balance, 0),
    'locked', wallet.locked_at IS NOT NULL,
    'lock_reason', wallet.lock_reason,
    'minimum_balance', wallet.minimum_balance,
    'low_balance_threshold', wallet.low_balance_threshold,
    'auto_top_up', CASE WHEN wallet.top_up_product_id IS NOT NULL THEN jsonb_build_object(
      'product_id', wallet.top_up_product_id, 'threshold', wallet.top_up_threshold,
      'max_per_day', wallet.top_up_max_per_day, 'stopped', wallet.top_up_stopped) END,
    'lots', coalesce(
      jsonb_agg(
        jsonb_build_object('amount', amount, 'remaining', remaining, 'kind', kind, 'expires_at', in_rfc_3339(expires_at))
        ORDER BY expires_at NULLS LAST, number),
      '[]'))
  FROM spendable
$$;
--> statement-breakpoint
-- Puts one event into the outbox, as `appendEvents` of db/outbox.ts does: the stream's lock first, which orders the
-- transactions of one customer. The envelope comes whole but for what is known only under that lock.
CREATE FUNCTION append_event(topic text, message_key text, shard integer, at timestamptz, envelope jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  project text := envelope->>'projectid';
  place bigint;
  next_sequence bigint;
BEGIN
  INSERT INTO outbox_streams AS stream (project_id, message_key, last_position) VALUES (project, append_event.message_key, 1)
    ON CONFLICT ON CONSTRAINT outbox_streams_message_key_pk DO UPDATE SET last_position = stream.last_position + 1
    RETURNING last_position INTO place;
  INSERT INTO outbox_sequences AS counter (project_id, topic, subject, last_sequence)
    VALUES (project, append_event.topic, envelope->>'subject', 1)
    ON CONFLICT ON CONSTRAINT outbox_sequences_project_id_topic_subject_pk DO UPDATE
      SET last_sequence = counter.last_sequence + 1
    RETURNING last_sequence INTO next_sequence;
  INSERT INTO outbox (project_id, event_id, topic, message_key, shard, position, envelope)
    VALUES (project, envelope->>'id', append_event.topic, append_event.message_key, append_event.shard, place,
      (envelope || jsonb_build_object(
        'sequence', next_sequence, 'time', in_rfc_3339(at), 'recordedtime', in_rfc_3339(clock_timestamp())))::text);
  PERFORM pg_notify('quittance_outbox', '');
END $$;
--> statement-breakpoint
-- Writes that a wallet is to buy a pack, to hold what is wanted, unless it may not: nothing is set up, the card was declined,
-- it has bought enough today, or a top-up is under way.
CREATE FUNCTION request_top_up(wallet wallets, wanted bigint, at timestamptz, new_payment_id text, correlation text)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO top_ups (project_id, payment_id, customer_id, user_id, product_id, wanted_balance, status, correlation_id,
    requested_at)
  SELECT wallet.project_id, new_payment_id, wallet.customer_id, wallet.user_id, wallet.top_up_product_id, wanted, 'requested',
    correlation, at
  WHERE wallet.top_up_product_id IS NOT NULL AND wallet.top_up_stopped IS NULL AND wallet.top_up_max_per_day > (
    SELECT count(*) FROM top_ups
    WHERE project_id = wallet.project_id AND customer_id = wallet.customer_id AND requested_at > at - interval '1 day')
  ON CONFLICT DO NOTHING
$$;
--> statement-breakpoint
-- Spends credits of a user's wallet for one usage, once.
-- Answers { outcome, wallet, transaction, available }; the outcome is `consumed`, or `repeated` for a usage that was consumed before, or
-- why not: `usage_id_reused` (with another amount), `wallet_locked`, `insufficient_credits`, or `lots_expired`, which asks
-- the caller to record what has expired and to come again.
CREATE FUNCTION consume_credits(
  project text, of_user text, mode boolean, credits bigint, usage text, describing text, asking text, correlation text,
  new_transaction_id text, new_entry_id text, new_payment_id text,
  message_key text, shard integer, consumed_event jsonb, low_balance_event jsonb
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  wallet wallets;
  earlier wallet_transactions;
  at timestamptz;
  taken jsonb;
  is_low boolean;
BEGIN
  PERFORM set_config('quittance.project_id', project, true);
  SELECT * INTO wallet FROM wallets WHERE project_id = project AND user_id = of_user AND livemode = mode FOR UPDATE;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('outcome', 'insufficient_credits', 'available', 0);
  END IF;
  at := CASE WHEN wallet.clock_id IS NULL THEN clock_timestamp() ELSE time_on(wallet.clock_id) END;

  SELECT * INTO earlier FROM wallet_transactions WHERE project_id = project AND transaction_id = new_transaction_id;
  IF FOUND THEN
    RETURN jsonb_build_object(
      'outcome', CASE WHEN earlier.amount = -credits THEN 'repeated' ELSE 'usage_id_reused' END,
      'wallet', show_wallet(wallet, at), 'transaction', to_jsonb(earlier));
  END IF;
  IF EXISTS (SELECT FROM credit_lots WHERE project_id = project AND customer_id = wallet.customer_id
      AND empty_at IS NULL AND expires_at <= at) THEN
    RETURN jsonb_build_object('outcome', 'lots_expired');
  END IF;
  IF wallet.locked_at IS NOT NULL THEN
    RETURN jsonb_build_object('outcome', 'wallet_locked', 'wallet', show_wallet(wallet, at));
  END IF;
  IF wallet.balance - wallet.minimum_balance < credits THEN
    -- A user who is refused at a low balance is the one who needs the top-up most.
    PERFORM request_top_up(wallet, greatest(wallet.top_up_threshold, wallet.minimum_balance + credits), at, new_payment_id, correlation);
    RETURN jsonb_build_object('outcome', 'insufficient_credits', 'wallet', show_wallet(wallet, at),
      'available', greatest(wallet.balance - wallet.minimum_balance, 0));
  END IF;

  -- Soonest to expire first, what never expires last, and of equals the one that came first.
  WITH in_order AS (
    SELECT *, sum(remaining) OVER (ORDER BY expires_at NULLS LAST, number) - remaining AS before
    FROM credit_lots
    WHERE project_id = project AND customer_id = wallet.customer_id AND empty_at IS NULL
  ), chosen AS (
    SELECT *, least(remaining, credits - before)::bigint AS leaving FROM in_order WHERE before < credits
  ), reckoned AS (
    -- Rounded down over all that is gone, so that no rounding adds up and an empty lot has earned exactly its price.
    SELECT *, greatest(earned_minor, floor(
      (coalesce(price_minor, 0) - refunded_minor)::numeric * (amount - taken_back - remaining + leaving) / (amount - taken_back)
    )::bigint) - earned_minor AS earning
    FROM chosen
  ), spent AS (
    UPDATE credit_lots AS lot SET
      remaining = lot.remaining - leaving,
      empty_at = CASE WHEN lot.remaining = leaving THEN at END,
      earned_minor = lot.earned_minor + earning
    FROM reckoned
    WHERE lot.project_id = reckoned.project_id AND lot.customer_id = reckoned.customer_id AND lot.number = reckoned.number
    RETURNING lot.number, leaving, earning, lot.currency
  )
  SELECT jsonb_agg(jsonb_build_object('number', number, 'credits', leaving, 'earning', earning, 'currency', currency)
    ORDER BY number) INTO taken FROM spent;

  is_low := wallet.low_since IS NULL AND wallet.balance - credits < wallet.low_balance_threshold;
  UPDATE wallets SET balance = balance - credits, movements = movements + 1,
      low_since = CASE WHEN is_low THEN at ELSE low_since END
    WHERE project_id = project AND customer_id = wallet.customer_id
    RETURNING * INTO wallet;

  INSERT INTO wallet_transactions (project_id, transaction_id, customer_id, number, kind, amount, balance_after, reference,
      description, lots, actor, correlation_id, occurred_at, recorded_at)
    VALUES (project, new_transaction_id, wallet.customer_id, wallet.movements, 'consumption', -credits, wallet.balance, usage,
      describing, (SELECT jsonb_agg(lot - 'earning' - 'currency') FROM jsonb_array_elements(taken) AS lot),
      asking, correlation, at, clock_timestamp())
    RETURNING * INTO earlier;

  INSERT INTO ledger_entries (project_id, entry_id, intent, user_id, occurred_at)
    VALUES (project, new_entry_id, new_transaction_id, of_user, at);
  INSERT INTO ledger_transfers (project_id, entry_id, position, debit_account, credit_account, amount_minor, currency)
    SELECT project, new_entry_id, 0, 'customer_credits', 'credits_consumed', credits, 'credits'
    UNION ALL
    SELECT project, new_entry_id, row_number() OVER (ORDER BY currency), 'customer_credits', 'revenue', sum(earning), currency
    FROM jsonb_to_recordset(taken) AS lot (earning bigint, currency text)
    WHERE earning > 0 GROUP BY currency;

  PERFORM append_event('quittance.credits', message_key, shard, at,
    jsonb_set(consumed_event, '{data,balance}', to_jsonb(wallet.balance)));
  IF is_low THEN
    PERFORM append_event('quittance.credits', message_key, shard, at, jsonb_set(low_balance_event, '{data}',
      low_balance_event->'data' || jsonb_build_object('balance', wallet.balance, 'threshold', wallet.low_balance_threshold)));
  END IF;
  IF wallet.balance < wallet.top_up_threshold THEN
    PERFORM request_top_up(wallet, wallet.top_up_threshold, at, new_payment_id, correlation);
  END IF;
  RETURN jsonb_build_object('outcome', 'consumed', 'wallet', show_wallet(wallet, at), 'transaction', to_jsonb(earlier));
END $$;
