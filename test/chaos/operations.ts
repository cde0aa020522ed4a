import { retry, skip } from '../../workflows/messages.ts'
import { idOf } from '../../providers/stripe/snapshots.ts'
import type { Answer } from '../support/checkout-client.ts'
import { cards } from '../support/local-stripe.ts'
import type { Product } from '../support/product.ts'
import type { SubscriptionShown } from '../support/test-clock.ts'
import type { Operation } from './schedule.ts'
import { ask, atStripe, type PlayedProject, type PlayedUser } from './world.ts'

interface Played {
  product: Product
  project: PlayedProject
  user: PlayedUser
  /** From 0 to 1, decides what is left open. */
  chance: number
}
type Play = (played: Played) => Promise<string>

/** Does what an operation says, for whatever the user has by now.
 *  @returns what came of it, in a word: `done`, the code of a refusal, or that there was nothing to do it with. */
export function perform(operation: Operation, played: Played): Promise<string> {
  return plays[operation](played)
}

const nothing = 'had nothing to do it with'

const plays: Record<Operation, Play> = {
  'buys a book': (played) => buy(played, { product_id: 'book' }),
  'buys credits': (played) => buy(played, { product_id: 'pack' }),
  subscribes: (played) => buy(played, { plan_id: played.chance < 0.7 ? 'pro' : 'team' }),
  'leaves the payment page open': async (played) =>
    (await open(played, { product_id: 'book' })) === undefined ? 'refused' : 'done',

  async 'uses credits'({ project, user, chance }) {
    const usage = { amount: 1 + Math.floor(chance * 3_000_000), usage_id: `usage-${chance}` }
    const outcome = await order(project, `wallets/${user.userId}/consume`, usage)
    user.usages.push({ usageId: usage.usage_id, amount: usage.amount, wasDone: outcome === 'done' })
    return outcome
  },
  'is granted credits': ({ project, user, chance }) =>
    order(project, `wallets/${user.userId}/grant`, {
      grant_id: `grant-${chance}`,
      amount: 1_000_000,
      kind: 'promotion',
      reason: 'A campaign',
      expires_at: new Date(project.now + (1 + chance * 30) * 24 * 3_600_000).toISOString(),
    }),
  'has credits topped up': ({ project, user, chance }) =>
    operate(project, 'PUT', `wallets/${user.userId}/settings`, {
      low_balance_threshold: 2_000_000,
      auto_top_up: { product_id: 'pack', threshold: 1 + Math.floor(chance * 4_000_000), max_per_day: 3 },
    }),

  'loses the card': (played) => changeCard(played, cards.chargeDeclined),
  'gets a good card again': (played) => changeCard(played, cards.good),
  'saves another card': ({ project, user, chance }) =>
    order(project, `customers/${user.userId}/payment-methods`, {
      payment_method_id: chance < 0.8 ? 'pm_card_visa' : 'pm_card_chargeCustomerFail',
    }),

  'changes the plan': (played) =>
    command(played, 'change-plan', {
      plan_id: played.chance < 0.5 ? 'pro' : 'team',
      when: (played.chance * 10) % 1 < 0.6 ? 'now' : 'period_end',
      quantity: 1 + Math.floor(((played.chance * 100) % 1) * 3),
    }),
  async cancels(played) {
    const { product, project, user, chance } = played
    const subscription = await subscriptionOf(project, user, chance)
    if (!subscription) return nothing
    const { subscription_id: id, stripe_subscription_id: stripeSubscriptionId } = subscription
    const at = chance < 0.5 ? 'now' : 'period_end'
    const outcome = await order(project, `subscriptions/${id}/cancel`, { at, reason: 'Enough.' })
    if (at === 'now' && outcome === 'done') {
      const newest = await product.stripe.sdk.events.list({ limit: 1 })
      user.canceledNow.push({ stripeSubscriptionId, lastEventId: newest.data[0]?.id })
    }
    return outcome
  },
  resumes: (played) => command(played, 'resume'),
  pauses: (played) => command(played, 'pause'),
  'asks to charge the card': (played) => command(played, 'retry-payment', { reason: 'There is money now.' }),

  async 'pays an invoice by hand'({ product, project, user, chance }) {
    const subscription = await subscriptionOf(project, user, chance)
    const { invoice_id: invoiceId } = subscription?.dunning ?? {}
    if (!invoiceId) return nothing
    user.paidByHand.push(invoiceId)
    return product.stripe.payInvoice(invoiceId).then(
      () => 'done',
      () => 'refused',
    )
  },

  async 'cancels in the dashboard'({ product, project, user, chance }) {
    const subscription = await subscriptionOf(project, user, chance)
    if (!subscription) return nothing
    user.canceledAtStripe.push(subscription.stripe_subscription_id)
    const canceled = await atStripe(() =>
      product.stripe.sdk.subscriptions.cancel(subscription.stripe_subscription_id),
    )
    return canceled ? 'done' : 'refused'
  },

  async 'asks for a refund'({ project, user, chance }) {
    const paymentId = pick(user.paymentIds, chance)
    if (paymentId === undefined) return nothing
    return order(project, 'refunds', {
      payment_id: paymentId,
      ...(chance < 0.6 && { amount: 100 + Math.floor(chance * 3_000) }),
    })
  },
  async 'asks for the refund of an invoice'({ product, project, user, chance }) {
    const subscription = await subscriptionOf(project, user, chance)
    if (!subscription) return nothing
    const atProvider = await atStripe(() =>
      product.stripe.sdk.subscriptions.retrieve(subscription.stripe_subscription_id),
    )
    const invoiceId = idOf(atProvider?.latest_invoice ?? null)
    if (!invoiceId) return nothing
    return order(project, 'refunds', {
      invoice_id: invoiceId,
      ...(chance < 0.6 && { amount: 100 + Math.floor(chance * 5_000) }),
    })
  },
  async 'is refunded in the dashboard'({ product, user, chance }) {
    const intentId = await intentOf(product, user, chance)
    if (!intentId) return nothing
    const refunded = await atStripe(() =>
      product.stripe.sdk.refunds.create({ payment_intent: intentId, amount: 500 }),
    )
    return refunded ? 'done' : 'refused'
  },
  async 'disputes a charge'({ product, user, chance }) {
    const intentId = await intentOf(product, user, chance)
    if (!intentId) return nothing
    const { sdk, disputeCharge } = product.stripe
    const intent = await atStripe(() => sdk.paymentIntents.retrieve(intentId))
    const chargeId = idOf(intent?.latest_charge ?? null)
    if (!chargeId) return nothing
    return disputeCharge(chargeId).then(
      () => 'done',
      () => 'refused',
    )
  },

  async 'has a dispute decided'({ product, user, chance }) {
    const intentId = await intentOf(product, user, chance)
    if (!intentId) return nothing
    const { sdk, decideDispute } = product.stripe
    const disputes = await atStripe(() => sdk.disputes.list({ payment_intent: intentId }))
    const [dispute] = disputes?.data ?? []
    if (!dispute) return nothing
    return decideDispute(dispute.id, chance < 0.7 ? 'won' : 'lost').then(
      () => 'done',
      () => 'refused',
    )
  },

  'has refunds looked at first': ({ project, chance }) =>
    operate(project, 'PUT', `projects/${project.projectId}/refund-policy`, {
      approval_above: chance < 0.8 ? Math.floor(chance * 4_000) : null,
      subscription: (chance * 10) % 1 < 0.5 ? 'keep' : 'cancel',
      on_cancellation: (chance * 100) % 1 < 0.5 ? 'keep' : 'prorate',
      on_dispute: (chance * 1_000) % 1 < 0.5 ? 'keep' : 'cancel',
    }),
  async 'has a refund decided'({ project, user, chance }) {
    const { body } = await ask(project.client, 'GET', '/api/v1/refunds?status=awaiting_approval&limit=100')
    const waiting = (body.data as { refund_id: string; user_id: string }[]).find(
      ({ user_id: userId }) => userId === user.userId,
    )
    if (!waiting) return nothing
    const decision = chance < 0.6 ? 'approve' : 'reject'
    return operate(project, 'POST', `refunds/${waiting.refund_id}/${decision}`, {
      reason: 'It was looked at.',
    })
  },
  'has another dunning policy': ({ project, chance }) =>
    operate(project, 'PUT', `projects/${project.projectId}/dunning-policy`, {
      policy: {
        retries: chance < 0.5 ? ['P1D', 'P4D'] : ['P3D', 'P5D', 'P7D'],
        grace: (chance * 10) % 1 < 0.5 ? 'P2D' : 'P9D',
        on_exhausted: (['cancel', 'pause', 'leave_past_due'] as const)[Math.floor(((chance * 100) % 1) * 3)],
      },
    }),

  'has an operator retry': (played) => decide(played, retry),
  'has an operator skip': (played) => decide(played, skip),
}

const pick = <Item>(items: Item[], chance: number): Item | undefined =>
  items[Math.floor(chance * items.length)]

const order = async ({ client }: PlayedProject, path: string, body: object): Promise<string> =>
  inAWord(await ask(client, 'POST', `/api/v1/${path}`, body))

/** What an operator does for a project. */
const operate = async (
  { operator }: PlayedProject,
  method: 'POST' | 'PUT',
  path: string,
  body: object,
): Promise<string> => inAWord(await ask(operator, method, `/api/v1/${path}`, body))

const inAWord = ({ status, body }: Answer) => (status < 300 ? 'done' : String(body.code))

async function open({ project, user }: Played, what: object): Promise<string | undefined> {
  const answer = await ask(project.client, 'POST', '/api/v1/payments', {
    success_url: 'https://shop.test/thanks',
    cancel_url: 'https://shop.test/basket',
    user_id: user.userId,
    ...(user.email !== undefined && { email: user.email }),
    test_clock_id: project.clockId,
    ...what,
  })
  if (answer.status !== 201) return undefined
  const sessionId = String(answer.body.checkout_session_id)
  user.paymentIds.push(String(answer.body.payment_id))
  // What a subscription is paid with is known to its invoice alone.
  if ('product_id' in what) user.sessionIds.push(sessionId)
  return sessionId
}

/** One in five has the first card declined, unless a balance covers the price: then none is charged. */
async function buy(played: Played, what: object): Promise<string> {
  const sessionId = await open(played, what)
  if (sessionId === undefined) return 'refused'
  const { pay, payInVain } = played.product.stripe
  const isDeclined = (played.chance * 7) % 1 < 0.2
  if (
    isDeclined &&
    !(await payInVain(sessionId).then(
      () => true,
      () => false,
    ))
  )
    return 'done'
  return pay(sessionId).then(
    () => 'done',
    () => 'page closed',
  )
}

/** One of the user's subscriptions that have not ended. */
async function subscriptionOf(
  { client }: PlayedProject,
  { userId }: PlayedUser,
  chance: number,
): Promise<SubscriptionShown | undefined> {
  const { body } = await ask(client, 'GET', `/api/v1/subscriptions/${userId}`)
  const shown = (body.subscriptions ?? []) as SubscriptionShown[]
  return pick(
    shown.filter(({ status }) => status !== 'canceled'),
    chance,
  )
}

async function command({ project, user, chance }: Played, what: string, body: object = {}): Promise<string> {
  const subscription = await subscriptionOf(project, user, chance)
  return subscription
    ? order(project, `subscriptions/${subscription.subscription_id}/${what}`, body)
    : nothing
}

async function changeCard({ product, project, user, chance }: Played, card: string): Promise<string> {
  const subscription = await subscriptionOf(project, user, chance)
  if (!subscription) return nothing
  const changed = await atStripe(() =>
    product.stripe.changeCard(subscription.stripe_subscription_id, card).then(() => true),
  )
  return changed ? 'done' : 'refused'
}

async function intentOf({ stripe }: Product, user: PlayedUser, chance: number): Promise<string | undefined> {
  const sessionId = pick(user.sessionIds, chance)
  if (sessionId === undefined) return undefined
  const session = await atStripe(() => stripe.sdk.checkout.sessions.retrieve(sessionId))
  return session?.payment_status === 'paid' ? idOf(session.payment_intent) : undefined
}

/** What an operator decides on a case, in Temporal UI. */
async function decide({ product, project, user, chance }: Played, update: typeof retry): Promise<string> {
  const subscription = await subscriptionOf(project, user, chance)
  const openCase = subscription?.dunning
  if (!openCase) return nothing
  return product.temporal.workflow
    .getHandle(`dunning/${openCase.invoice_id}`)
    .executeUpdate(update, { args: [{ reason: 'The customer has called.', by: 'olga' }] })
    .then(
      () => 'done',
      () => 'refused',
    )
}
