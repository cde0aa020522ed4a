import { setTimeout as sleep } from 'node:timers/promises'
import type { CloudEvent } from '../../domain/events.ts'
import { ACCOUNT_BOOK } from '../../domain/ledger.ts'
import { metadataKeys } from '../../domain/provider.ts'
import { groupBy } from './group-by.ts'
import { flawsOfTraces } from './leaks.ts'
import type { Product } from './product.ts'
import { flawsOfEvent } from './published-events.ts'
import { readStripe, type StripeBooks } from './stripe-books.ts'
import { flawsOfWorkflows } from './workflow-health.ts'

export interface Circumstances {
  /** Events were dropped on purpose, so not every one of Stripe's has arrived. */
  webhooksLost?: boolean
  /** Workflows that the test itself has terminated. */
  terminated?: string[]
}

/** Looks for what must never be, whatever has happened: a second charge, books that differ from Stripe's, an event lost or out
 *  of order, a workflow that is stuck, personal data where none belongs. The product's database, namespace and Stripe are its own, so everything in them is
 *  looked at. What is merely not finished yet is given time.
 *  @returns a sentence for each flaw, so none for a sound product. */
export async function findFlaws(product: Product, circumstances: Circumstances = {}): Promise<string[]> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const flaws = await flawsNow(product, circumstances)
    if (flaws.length === 0 || Date.now() > deadline) return flaws
    await sleep(250)
  }
}

async function flawsNow(product: Product, circumstances: Circumstances): Promise<string[]> {
  const { webhooksLost = false, terminated = [] } = circumstances
  const unfinished = [
    ...(await named('I6', unhandledWebhooks(product, webhooksLost))),
    ...(await named('I5', unpublishedEvents(product))),
  ]
  if (unfinished.length > 0) return unfinished
  const books = await readStripe(product.stripe.sdk)
  const flaws = await Promise.all([
    named('I5', flawsOfEvents(product)),
    named('I1, I3', flawsOfCharges(product, books)),
    named('I7', flawsOfStates(product, books)),
    named('I2, I7', flawsOfLedger(product, books)),
    named('I8', flawsOfWorkflows(product, terminated)),
    named('privacy', flawsOfTraces(product)),
  ])
  return flaws.flat()
}

/** With the invariant that each breaks. */
const named = async (invariant: string, flaws: Promise<string[]>) =>
  (await flaws).map((flaw) => `${invariant}: ${flaw}`)

/** What Stripe has told must be stored, and each event handed to whom it concerns. */
async function unhandledWebhooks({ stripe, sql }: Product, someLost: boolean): Promise<string[]> {
  const [endpoint] = (await stripe.sdk.webhookEndpoints.list({ limit: 1 })).data
  const wanted = new Set(endpoint?.enabled_events)
  const told: string[] = []
  if (!someLost)
    for await (const { id, type } of stripe.sdk.events.list({ limit: 100 }))
      if (wanted.has(type)) told.push(id)
  const stored = await sql<{ event_id: string; handled: boolean }[]>`
    select event_id, handled_at is not null as handled from inbox`
  const known = new Set(stored.map((row) => row.event_id))
  return [
    ...told.filter((id) => !known.has(id)).map((id) => `event ${id} of Stripe is not stored`),
    ...stored
      .filter(({ handled }) => !handled)
      .map((row) => `event ${row.event_id} of Stripe is not handled`),
  ]
}

/** Every committed event must be marked as published, and be on Kafka. */
async function unpublishedEvents(product: Product): Promise<string[]> {
  const read = new Set<string>((await readAll(product)).map(({ value }) => readEvent(value).id))
  const committed = await product.sql<{ event_id: string; published: boolean }[]>`
    select event_id, published_at is not null as published from outbox`
  return committed
    .filter((row) => !row.published || !read.has(row.event_id))
    .map((row) => `event ${row.event_id} is ${row.published ? 'not read' : 'not published'}`)
}

const readEvent = (envelope: string) => JSON.parse(envelope) as CloudEvent

async function readAll({ sql, events }: Product) {
  const projects = await sql<{ project_id: string }[]>`select project_id from projects`
  const committed = await sql<{ event_id: string }[]>`
    select event_id from outbox where project_id = ${ACCOUNT_BOOK}`
  const ofAccount = new Set<string>(committed.map((row) => row.event_id))
  return (
    projects
      .flatMap(({ project_id: projectId }) => events.messages(projectId))
      // The book of the Stripe account has one name in every installation, and the tests share a Kafka.
      .filter(({ key, value }) => !key.startsWith(`${ACCOUNT_BOOK}/`) || ofAccount.has(readEvent(value).id))
  )
}

/** Kafka has what was committed: in order per key, with one content for an id, without a gap in a sequence, as published. */
async function flawsOfEvents(product: Product): Promise<string[]> {
  const messages = await readAll(product)
  const committed = await product.sql<
    { event_id: string; topic: string; message_key: string; envelope: string }[]
  >`select event_id, topic, message_key, envelope from outbox order by message_key, position`
  const envelopes = new Map<string, string>(committed.map((row) => [row.event_id, row.envelope]))
  const flaws: string[] = []
  const seen = new Set<string>()
  const read: { stream: string; id: string }[] = []
  for (const { topic, key, value, headers } of messages) {
    const { id } = readEvent(value)
    if (envelopes.get(id) !== value) flaws.push(`event ${id} is not what was committed: ${value}`)
    if (headers['content-type'] !== 'application/cloudevents+json') flaws.push(`event ${id} has no type`)
    if (seen.has(id)) continue
    seen.add(id)
    flaws.push(...flawsOfEvent(value))
    read.push({ stream: `${topic} ${key}`, id })
  }
  const readByStream = groupBy(read, ({ stream }) => stream)
  for (const [stream, rows] of groupBy(committed, (row) => `${row.topic} ${row.message_key}`)) {
    const inOrder = rows.map((row) => row.event_id).join()
    const arrived = (readByStream.get(stream) ?? []).map(({ id }) => id).join()
    if (arrived !== inOrder) flaws.push(`${stream} has ${arrived}, committed were ${inOrder}`)
  }
  const told = committed.map(({ topic, envelope }) => ({ topic, ...readEvent(envelope) }))
  for (const [subject, events] of groupBy(told, (event) => `${event.topic} ${event.source} ${event.subject}`))
    if (events.some(({ sequence }, index) => sequence !== index + 1))
      flaws.push(`${subject} has the sequences ${events.map(({ sequence }) => sequence).join()}`)
  return flaws
}

/** One payment page for a payment, one successful charge for a page, and no more given back than was charged. */
async function flawsOfCharges({ stripe, sql }: Product, { sessions }: StripeBooks): Promise<string[]> {
  const { charges_per_invoice: perInvoice, charges_per_payment_intent: perIntent } = await stripe.counts()
  const refundedTooMuch = await sql`
    select stripe_charge_id as id from charges c where c.amount_minor <
      (select sum(amount_minor) from refunds r where r.project_id = c.project_id
        and r.stripe_charge_id = c.stripe_charge_id and r.status <> 'failed')`
  const charges = Object.entries({ ...perInvoice, ...perIntent }).filter(([, count]) => count > 1)
  const pages = [...groupBy(sessions, ({ metadata }) => metadata?.[metadataKeys.payment])]
  return [
    ...charges.map(([id, count]) => `${id} was charged ${count} times`),
    ...refundedTooMuch.map(({ id }) => `more of ${String(id)} was given back than it charged`),
    ...pages
      .filter(([, ofPayment]) => ofPayment.length > 1)
      .map(([paymentId, ofPayment]) => `payment ${paymentId} has ${ofPayment.length} pages`),
  ]
}

/** Payments, attempts and subscriptions are as Stripe shows them. */
async function flawsOfStates({ sql }: Product, books: StripeBooks): Promise<string[]> {
  const [payments, attempts, refunds, disputes, subscriptions] = await Promise.all([
    sql`select payment_id, status, amount_received_minor::int as received, amount_refunded_minor::int as refunded
      from payments
      where stripe_checkout_session_id is not null`,
    sql`select stripe_charge_id as charge, outcome from payment_attempts`,
    sql`select stripe_refund_id, amount_minor::int as amount, status from refunds where stripe_refund_id is not null`,
    sql`select stripe_dispute_id, amount_minor::int as amount, status, is_withdrawn as withdrawn from disputes`,
    sql`select subscription_id, s.status, s.quantity, stripe_price_id as price,
        extract(epoch from current_period_end)::int as ends
      from subscriptions s join plans p using (project_id, plan_id) where p.version = s.plan_version`,
  ])
  return [
    ...differences('payments', payments, books.payments()),
    ...differences('attempts', attempts, books.attempts()),
    ...differences('refunds', refunds, books.refunds()),
    ...differences('disputes', disputes, books.disputes()),
    ...differences('subscriptions', subscriptions, books.subscriptions()),
  ]
}

/** The ledger says that as much has come in as Stripe has captured, for each payment and in all, and as much gone back. */
async function flawsOfLedger({ sql }: Product, books: StripeBooks): Promise<string[]> {
  const [balances, unbalanced, refundedTooMuch] = await Promise.all([
    sql`select currency, sum(case when debit_account = 'stripe_balance' then amount_minor
        when credit_account = 'stripe_balance' then -amount_minor else 0 end)::int as balance
      from ledger_transfers
      -- Stripe's fees and payouts are entered by reconciliation, and compared there.
      where currency <> 'credits' and debit_account not in ('fees', 'bank') and credit_account not in ('fees', 'bank')
      group by currency`,
    sql`select payment_id from payments p where amount_received_minor <> coalesce(
      (select sum(amount_minor) from ledger_entries e join ledger_transfers using (project_id, entry_id)
       where e.intent = p.payment_id || '/succeeded' and e.project_id = p.project_id), 0)`,
    sql`select payment_id from payments where amount_refunded_minor > amount_received_minor`,
  ])
  return [
    ...differences('balances', balances, books.balances()),
    ...unbalanced.map((row) => `the ledger says something else of ${String(row.payment_id)}`),
    ...refundedTooMuch.map((row) => `more was refunded than received of ${String(row.payment_id)}`),
  ]
}

/** What is in one list and not in the other, whatever their order. */
function differences(what: string, ours: readonly object[], stripes: readonly object[]): string[] {
  const own = ours.map((row) => JSON.stringify(row))
  const theirs = stripes.map((row) => JSON.stringify(row))
  return [
    ...own.filter((row) => !theirs.includes(row)).map((row) => `${what}: Stripe does not have ${row}`),
    ...theirs.filter((row) => !own.includes(row)).map((row) => `${what}: only Stripe has ${row}`),
  ]
}
