import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client'
import { cards } from './local-stripe.ts'
import type { Product } from './product.ts'

/** Someone whose subscription two things happen to at once. */
export interface Racer {
  race: RaceName
  userId: string
  subscriptionId: string
  stripeSubscriptionId: string
  stripeCustomerId: string
  /** The one that is unpaid; empty where nothing is. */
  invoiceId: string
  /** How often Stripe had tried to charge that invoice when we said that the subscription had ended. */
  attemptsAtEnd?: number
  /** Somebody has canceled it in Stripe's dashboard. */
  isCanceledAtStripe?: boolean
}

/** Something that happens to a racer, at a moment of its own. */
export interface Move {
  /** What it is, for the tally. */
  what: string
  /** Answers what came of it, in a word. */
  make: () => Promise<string>
}

interface Race {
  /** Whether the renewal has failed before the start. */
  isBehind: boolean
  /** How often the saved card pays once the race is on; as it was before, when left out. */
  cardPays?: number
  moves: (product: Product, racer: Racer, random: () => number) => Move[]
}

const chance = <Item>(random: () => number, items: readonly [Item, ...Item[]]): Item =>
  items[Math.floor(random() * items.length)] ?? items[0]

/** What each race is between. Where nothing of it is named, the other is the scheduled retry. */
export const races = {
  'cancel-and-retry': {
    isBehind: true,
    cardPays: 0.5,
    moves: (product, racer) => [cancelNow(product, racer)],
  },
  'new-card-and-retry': {
    isBehind: true,
    cardPays: 0.3,
    moves: (product, racer, random) => [bringCard(product, racer, random() < 0.7)],
  },
  'two-plan-changes': {
    isBehind: false,
    moves: (product, racer, random) => [
      changePlan(product, racer, random),
      changePlan(product, racer, random),
    ],
  },
  'webhook-and-operator': {
    isBehind: true,
    cardPays: 0.5,
    moves: (product, racer, random) => [
      chance(random, [payOnPage, voidInDashboard, cancelInDashboard, replaceCard])(product, racer),
      chance(random, [operatorRetries, operatorSkips, operatorCancels])(product, racer),
    ],
  },
  'retry-payment-twice': {
    isBehind: true,
    cardPays: 0.6,
    moves: (product, racer) => [retryPayment(product, racer), retryPayment(product, racer)],
  },
  'invoice-page-and-retry': {
    isBehind: true,
    cardPays: 0.6,
    moves: (product, racer) => [payOnPage(product, racer)],
  },
  'invoice-page-and-cancel': {
    isBehind: true,
    cardPays: 0.5,
    moves: (product, racer) => [payOnPage(product, racer), cancelNow(product, racer)],
  },
} satisfies Record<string, Race>

export type RaceName = keyof typeof races
export const raceNames = Object.keys(races) as RaceName[]
export const raceOf = (name: RaceName): Race => races[name]

/** A request of a project's backend, repeated under its key until the answer is final. */
async function ask(
  { client }: Product,
  { subscriptionId }: Racer,
  what: string,
  body: object = {},
): Promise<string> {
  const headers = { 'idempotency-key': randomUUID() }
  const deadline = Date.now() + 90_000
  for (;;) {
    const path = `/api/v1/subscriptions/${subscriptionId}/${what}`
    const answer = await client.call('POST', path, { body, headers }).catch(() => undefined)
    const code = codeOf(answer?.body)
    const isFinal = answer !== undefined && answer.status < 500 && code !== 'idempotency_in_progress'
    if (isFinal) return answer.status === 200 ? 'done' : code
    if (Date.now() > deadline) throw new Error(`${what} of ${subscriptionId} was not answered: ${code}`)
    await sleep(Math.min(Number(answer?.headers.get('retry-after') ?? 1), 2) * 1_000)
  }
}

const codeOf = (body: Record<string, unknown> = {}) => (typeof body.code === 'string' ? body.code : '')

function cancelNow(product: Product, racer: Racer): Move {
  return {
    what: 'cancel',
    async make() {
      const outcome = await ask(product, racer, 'cancel', { at: 'now', reason: 'A race.' })
      await noteEnd(product, racer, outcome)
      return outcome
    },
  }
}

async function noteEnd({ stripe }: Product, racer: Racer, outcome: string): Promise<void> {
  if (outcome !== 'done') return
  const { attempts_per_invoice: attempts } = await stripe.counts()
  racer.attemptsAtEnd = attempts[racer.invoiceId] ?? 0
}

const retryPayment = (product: Product, racer: Racer): Move => ({
  what: 'retry-payment',
  make: () => ask(product, racer, 'retry-payment', { reason: 'A race.' }),
})

function changePlan(product: Product, racer: Racer, random: () => number): Move {
  const plan_id = chance(random, ['pro', 'team'])
  const when = chance(random, ['now', 'now', 'period_end'])
  const quantity = chance(random, [1, 1, 2, 3])
  return {
    what: `change ${when}`,
    make: () => ask(product, racer, 'change-plan', { plan_id, when, quantity }),
  }
}

/** The customer saves a card, which is charged from then on. */
function bringCard({ stripe }: Product, racer: Racer, pays: boolean): Move {
  return {
    what: pays ? 'new card' : 'new card that cannot pay',
    async make() {
      const { paymentMethods, subscriptions } = stripe.sdk
      const name = pays ? 'pm_card_visa' : 'pm_card_chargeCustomerFail'
      const card = await paymentMethods.attach(name, { customer: racer.stripeCustomerId })
      return atStripe(() =>
        subscriptions.update(racer.stripeSubscriptionId, { default_payment_method: card.id }),
      )
    },
  }
}

const payOnPage = ({ stripe }: Product, racer: Racer): Move => ({
  what: 'page',
  make: () =>
    stripe.payInvoice(racer.invoiceId).then(
      () => 'done',
      () => 'refused',
    ),
})

const voidInDashboard = ({ stripe }: Product, racer: Racer): Move => ({
  what: 'void',
  make: () => atStripe(() => stripe.sdk.invoices.voidInvoice(racer.invoiceId)),
})

const cancelInDashboard = ({ stripe }: Product, racer: Racer): Move => ({
  what: 'cancel at Stripe',
  async make() {
    racer.isCanceledAtStripe = true
    return atStripe(() => stripe.sdk.subscriptions.cancel(racer.stripeSubscriptionId))
  },
})

/** The customer's bank sends a new card in the place of the old one, and Stripe hears of it. */
const replaceCard = ({ stripe }: Product, racer: Racer): Move => ({
  what: 'replaced card',
  async make() {
    const { data } = await stripe.sdk.customers.listPaymentMethods(racer.stripeCustomerId)
    for (const { id } of data) await stripe.replaceCard(id, cards.good)
    return 'done'
  },
})

/** What somebody does by hand at Stripe, who tries again where Stripe is out of order. */
async function atStripe(act: () => Promise<unknown>): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await act()
      return 'done'
    } catch (error) {
      const isRefusal = error instanceof Error && 'statusCode' in error && error.statusCode === 400
      if (isRefusal || attempt === 20) return 'refused'
      await sleep(200)
    }
  }
}

const operatorRetries = (product: Product, racer: Racer): Move => ({
  what: 'operator retries',
  make: () => update(product, `dunning/${racer.invoiceId}`, 'retry'),
})

const operatorSkips = (product: Product, racer: Racer): Move => ({
  what: 'operator skips',
  make: () => update(product, `dunning/${racer.invoiceId}`, 'skip'),
})

const operatorCancels = (product: Product, racer: Racer): Move => ({
  what: 'operator cancels',
  async make() {
    const outcome = await update(product, `subscription/${racer.subscriptionId}`, 'cancel', { at: 'now' })
    await noteEnd(product, racer, outcome)
    return outcome
  },
})

/** What an operator sends from Temporal UI, under its id until it is answered. */
async function update({ temporal }: Product, workflowId: string, name: string, more = {}): Promise<string> {
  const updateId = randomUUID()
  const args: [object] = [{ by: 'olga', reason: 'A race.', ...more }]
  for (let attempt = 1; ; attempt += 1) {
    try {
      await temporal.workflow.getHandle(workflowId).executeUpdate<unknown, [object]>(name, { args, updateId })
      return 'done'
    } catch (error) {
      // It could not do it any more, or had ended.
      if (error instanceof WorkflowUpdateFailedError) return 'refused'
      if (error instanceof WorkflowNotFoundError) return 'ended'
      if (attempt === 3) throw error
    }
  }
}
