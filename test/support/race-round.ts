import { setTimeout as sleep } from 'node:timers/promises'
import { idOf } from '../../providers/stripe/snapshots.ts'
import { atMost } from './at-most.ts'
import { cards, type StripeFaults } from './local-stripe.ts'
import type { Product } from './product.ts'
import { type RaceName, raceOf, type Racer } from './races.ts'
import { later, makeClock, type PlayedClock } from './test-clock.ts'

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:00:00.000Z'
const nextRenewal = '2027-03-10T15:00:00.000Z'

export interface Round {
  racers: Racer[]
  /** How often each move, and each race, ended in what. */
  tally: Record<string, number>
  weather: StripeFaults
  flaws: string[]
  /** How long the line-up, the race and coming to rest took. */
  took_ms: number[]
}

interface RoundOptions {
  names: RaceName[]
  /** Of each race. */
  count: number
  /** Tells the users of this round from those of others. */
  prefix: string
  /** How long retries take that fall due at once: within that time everything happens. */
  span_ms: number
  random: () => number
}

/** Many races at once on one clock: all line up, the first retry falls due, and to each happens what its race is about, at
 *  moments of their own, while Stripe is slow and forgetful. Then Stripe heals, time goes on, and all come to rest. */
export async function runRound(product: Product, options: RoundOptions): Promise<Round> {
  const { random, span_ms } = options
  const times = [Date.now()]
  const { clock, racers } = await lineUp(product, options)
  const behind = racers.filter(({ race }) => raceOf(race).isBehind)
  for (const { race, stripeSubscriptionId } of behind) {
    const pays = random() < (raceOf(race).cardPays ?? 0)
    if (pays) await product.stripe.changeCard(stripeSubscriptionId, cards.good)
  }
  const weather = weatherOf(random)
  times.push(Date.now())
  await product.stripe.faults(weather)
  const planned = racers.flatMap((racer) =>
    raceOf(racer.race)
      .moves(product, racer, random)
      // Every other one as soon as the retry is under way, whenever that may be; the others at any time.
      .map((move) => ({ ...move, racer, waits: random() < 0.5, after_ms: random() })),
  )
  const retries = watchRetries(product, behind)
  const tally: Record<string, number> = {}
  const flaws: string[] = []
  await Promise.all([
    clock.advanceTo(later(failure, 3, 1)).finally(() => retries.stop()),
    retries.watching,
    // A charge takes a dozen calls of Stripe: in a storm that lasts it would not come to its end for minutes.
    sleep(span_ms + 1_000).then(() => product.stripe.endFaults()),
    ...planned.map(async ({ what, make, racer, waits, after_ms }) => {
      if (waits && racer.invoiceId !== '') await retries.begun(racer.invoiceId)
      await sleep(after_ms * (waits ? 300 : span_ms))
      const outcome = await make()
      count(tally, `${racer.race}: ${what} ${outcome}`)
      if (/^(provider|internal|attempt)/.test(outcome))
        flaws.push(`${racer.userId}: ${what} was answered ${outcome}`)
    }),
  ])
  times.push(Date.now())
  await clock.advanceTo(later(failure, 10))
  const changed = racers.filter((racer) => !behind.includes(racer))
  flaws.push(
    ...(await flawsOfCases(product, behind, tally)),
    ...(await flawsOfEvents(product, behind)),
    ...(await flawsOfChanges(product, changed)),
  )
  if (changed.length > 0) {
    await clock.advanceTo(nextRenewal)
    flaws.push(...(await changesToCome(product, changed)))
  }
  times.push(Date.now())
  const took_ms = times.slice(1).map((time, index) => time - (times[index] ?? time))
  return { racers, tally, weather, flaws, took_ms }
}

/** Tells when the scheduled retry of each invoice is about to be made. */
function watchRetries({ sql }: Product, racers: Racer[]) {
  const invoiceIds = racers.map(({ invoiceId }) => invoiceId)
  const begun = new Set<string>()
  let isOver = false
  return {
    watching: watch(),
    async begun(invoiceId: string): Promise<void> {
      while (!isOver && !begun.has(invoiceId)) await sleep(5)
    },
    stop(): void {
      isOver = true
    },
  }

  async function watch(): Promise<void> {
    while (!isOver && begun.size < invoiceIds.length) {
      const rows = await sql<{ id: string }[]>`
        select invoice_id as id from dunning_attempts where trigger = 'schedule' and invoice_id in ${sql(invoiceIds)}`
      for (const { id } of rows) begun.add(id)
      await sleep(20)
    }
  }
}

function count(tally: Round['tally'], what: string): void {
  tally[what] = (tally[what] ?? 0) + 1
}

async function lineUp(
  product: Product,
  { names, count, prefix }: RoundOptions,
): Promise<{ clock: PlayedClock; racers: Racer[] }> {
  const { stripe, client } = product
  const clock = await makeClock(product, start)
  const places = names.flatMap((race) => Array.from({ length: count }, (_, index) => ({ race, index })))
  const racers = await atMost(8, places, async ({ race, index }): Promise<Racer> => {
    const userId = `${prefix}-${race}-${index}`
    const sold = await clock.subscribe(userId)
    const { customer } = await stripe.sdk.subscriptions.retrieve(sold.stripe_subscription_id)
    if (raceOf(race).isBehind) await stripe.changeCard(sold.stripe_subscription_id, cards.chargeDeclined)
    return {
      race,
      userId,
      subscriptionId: sold.subscription_id,
      stripeSubscriptionId: sold.stripe_subscription_id,
      stripeCustomerId: idOf(customer) ?? '',
      invoiceId: '',
    }
  })
  // The retries themselves fall due in the race.
  await clock.advanceTo(later(failure, 2, 12))
  for (const racer of racers) {
    const { body } = await client.call('GET', `/api/v1/subscriptions/${racer.subscriptionId}`)
    racer.invoiceId = (body.dunning as { invoice_id: string } | undefined)?.invoice_id ?? ''
  }
  return { clock, racers }
}

/** How Stripe is while they race. Its clocks and what is done to cards by hand are spared: they are not what is proven. */
function weatherOf(random: () => number): StripeFaults {
  const pick = (...values: number[]) => values[Math.floor(random() * values.length)] ?? 0
  return {
    api: {
      delay_ms: pick(0, 20, 80, 250),
      lost_answer: pick(0, 0, 0.02, 0.1),
      error_500: pick(0, 0, 0.02, 0.05),
      error_429: pick(0, 0, 0.05),
      paths: ['/v1/invoices', '/v1/subscriptions', '/v1/subscription_schedules', '/v1/charges'],
    },
    webhooks: {
      delay_ms: pick(0, 0, 200, 1_000),
      duplicate: pick(0, 0.5),
      reorder: pick(0, 1),
      drop: pick(0, 0, 0.3, 1),
    },
  }
}

interface CaseRow {
  invoice_id: string
  case_status: string
  status: string
  under_way: number
  made: number
  succeeded: number
}

/** Each unpaid invoice was charged at most once, not after the end, and is now what Stripe says. */
async function flawsOfCases(
  { sql, stripe }: Product,
  racers: Racer[],
  tally: Round['tally'],
): Promise<string[]> {
  const invoiceIds = racers.map(({ invoiceId }) => invoiceId)
  const rows = await sql<CaseRow[]>`
    select c.invoice_id, c.status as case_status, s.status,
      count(*) filter (where a.outcome is null)::int as under_way,
      count(*) filter (where a.outcome in ('succeeded', 'declined'))::int as made,
      count(*) filter (where a.outcome = 'succeeded')::int as succeeded
    from dunning_cases c join subscriptions s using (project_id, subscription_id)
      left join dunning_attempts a using (project_id, invoice_id)
    where c.invoice_id in ${sql(invoiceIds)} group by 1, 2, 3`
  const { charges_per_invoice: charges, attempts_per_invoice: attempts } = await stripe.counts()
  const flaws: string[] = []
  for (const { race, userId, invoiceId, attemptsAtEnd, stripeSubscriptionId } of racers) {
    const row = rows.find((one) => one.invoice_id === invoiceId)
    const charged = charges[invoiceId] ?? 0
    const tried = attempts[invoiceId] ?? 0
    const invoice = await stripe.sdk.invoices.retrieve(invoiceId)
    const { status: stripeStatus } = await stripe.sdk.subscriptions.retrieve(stripeSubscriptionId)
    const says = (flaw: string) => flaws.push(`${userId} (${invoiceId}): ${flaw}`)
    if (!row) says('has no case')
    if (charged > 1) says(`was charged ${charged} times`)
    if (attemptsAtEnd !== undefined && tried !== attemptsAtEnd)
      says(`was tried ${tried} times, of which ${attemptsAtEnd} before it had ended`)
    if (attemptsAtEnd !== undefined && stripeStatus !== 'canceled') says(`is ${stripeStatus} after its end`)
    if (stripeStatus === 'canceled' && invoice.status === 'open') says('can be paid after the end')
    if (!row) continue
    count(tally, `${race}: ends ${row.status}, its invoice ${row.case_status} after ${tried} tries`)
    if (row.status !== stripeStatus) says(`is ${row.status} and at Stripe ${stripeStatus}`)
    if (row.under_way > 0) says('has an attempt that is still under way')
    if (row.succeeded > charged || row.made > tried) says('has attempts that Stripe knows nothing of')
    if (row.case_status === 'open') says('has a case that is still open')
    if ((row.case_status === 'recovered') !== (invoice.status === 'paid'))
      says(`has a case that is ${row.case_status} with an invoice that is ${invoice.status}`)
  }
  return flaws
}

/** Each thing was told once, and the roles that were told are those that are held. */
async function flawsOfEvents({ sql, projectId, client }: Product, racers: Racer[]): Promise<string[]> {
  const flaws: string[] = []
  for (const { userId } of racers) {
    const told = await sql<{ type: string }[]>`
      select replace(envelope::jsonb ->> 'type', 'com.quittance.', '') as type from outbox
      where message_key = ${`${projectId}/${userId}`} order by position`
    const times = (type: string) => told.filter((event) => event.type === type).length
    for (const type of ['recovered', 'canceled'].map((change) => `subscription.${change}`))
      if (times(type) > 1) flaws.push(`${userId} was told of ${type} ${times(type)} times`)
    if (times('subscription.past_due') !== 1)
      flaws.push(`${userId} was told of subscription.past_due ${times('subscription.past_due')} times`)
    const { roles } = await client.access(userId)
    const held = times('entitlement.role_granted') - times('entitlement.role_revoked')
    if (held !== roles.length) flaws.push(`${userId} holds ${roles.join()} and was told of ${held}`)
  }
  return flaws
}

/** What waits for the period's end with us waits there at Stripe, and nothing else does. */
async function flawsOfChanges(product: Product, racers: Racer[]): Promise<string[]> {
  const pending = await pendingOf(product, racers)
  const flaws: string[] = []
  for (const { userId, subscriptionId, stripeSubscriptionId } of racers) {
    const { schedule, pending_update } = await product.stripe.sdk.subscriptions.retrieve(stripeSubscriptionId)
    const isPending = schedule !== null || pending_update !== null
    if (pending.includes(subscriptionId) !== isPending)
      flaws.push(
        `${userId} has ${isPending ? 'a' : 'no'} change to come at Stripe, and with us it is otherwise`,
      )
  }
  return flaws
}

/** After the period's end, when what waited for it has come. */
async function changesToCome(product: Product, racers: Racer[]): Promise<string[]> {
  const pending = await pendingOf(product, racers)
  return pending.map((subscriptionId) => `${subscriptionId} still waits for its change`)
}

async function pendingOf({ sql }: Product, racers: Racer[]): Promise<string[]> {
  const ids = racers.map(({ subscriptionId }) => subscriptionId)
  const rows = await sql<{ id: string }[]>`
    select subscription_id as id from subscriptions
    where pending_change is not null and subscription_id in ${sql(ids)}`
  return rows.map(({ id }) => id)
}

/** No charge of a customer may come after the end of their only subscription, by Stripe's own order of events. What is
 *  canceled in the dashboard can be crossed by the one charge that is on its way to Stripe in that moment. */
export async function chargesAfterEnd({ stripe }: Product, racers: Racer[]): Promise<string[]> {
  const flaws: string[] = []
  const charges = new Map<unknown, number>()
  // Newest first.
  for await (const { type, data } of stripe.sdk.events.list({ limit: 100 })) {
    const customer = 'customer' in data.object ? data.object.customer : undefined
    const since = charges.get(customer) ?? 0
    if (type === 'charge.succeeded' || type === 'charge.failed') charges.set(customer, since + 1)
    if (type !== 'customer.subscription.deleted') continue
    const racer = racers.find(({ stripeCustomerId }) => stripeCustomerId === customer)
    if (since > (racer?.isCanceledAtStripe ? 1 : 0))
      flaws.push(`${racer?.userId} was charged ${since} times after their subscription had ended`)
  }
  return flaws
}
