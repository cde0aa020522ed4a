import { metadataKeys, type ProviderEvent } from '../domain/provider.ts'

/** Which events wake whom. Only those that can change a decision wake anyone: each wake costs a look at Stripe, and a
 *  renewal, of which Stripe sends half a dozen events, is one. */
export type Route =
  | 'checkout'
  | 'subscription'
  /** A customer's cards have changed: whoever waits for money may now get it. */
  | 'cards'
  /** A page of ours on which a customer saves a card. */
  | 'setup_page'
  /** Money that goes back. */
  | 'refund'
  | 'dispute'
  /** A bank suspects fraud in a charge. */
  | 'fraud_warning'
  | 'own_effect'
  | 'not_relevant'
  | 'unknown_type'

/** What became of an event that wakes nobody: known as soon as it has come. */
export type AtOnce = Extract<Route, 'own_effect' | 'not_relevant' | 'unknown_type'>

export const wakesNobody = (route: Route): route is AtOnce =>
  route === 'own_effect' || route === 'not_relevant' || route === 'unknown_type'

export function routeOf(event: ProviderEvent): Route {
  if (isOwnEffect(event)) return 'own_effect'
  const rule = rules.get(event.type)
  if (rule) return rule(event)
  return knownFamilies.some((family) => event.type.startsWith(family)) ? 'not_relevant' : 'unknown_type'
}

/** Charges and changes that a workflow of ours asked for under an effect key: it reads the outcome from the answer, and asks
 *  again under the same key when the answer is lost. Waking it for the echo would only cost another look. */
const ownEffectKey = /^(in_[^/]+\/charge\/|sbs_[^/]+\/|rfd_[^/]+\/)/

function isOwnEffect({ payload }: ProviderEvent): boolean {
  const key = isRecord(payload.request) ? payload.request.idempotency_key : undefined
  return typeof key === 'string' && ownEffectKey.test(key)
}

type Rule = (event: ProviderEvent) => Route
/** A page to pay on, or one to save a card on. Those that save a card and are not ours are told by the card itself. */
const page: Rule = ({ payload }) => {
  const { mode, metadata } = payload.data.object
  if (mode !== 'setup') return 'checkout'
  return isRecord(metadata) && metadataKeys.setup in metadata ? 'setup_page' : 'not_relevant'
}
const subscription: Rule = () => 'subscription'
const cards: Rule = () => 'cards'
const refund: Rule = () => 'refund'
const dispute: Rule = () => 'dispute'

/** An invoice of a subscription's life after its checkout. The first invoice belongs to the checkout, which hears of its
 *  payment by the session and of a declined card by `invoice.payment_failed`; other invoices are nobody's yet. */
const laterInvoice: Rule = ({ payload }) => {
  const { billing_reason: reason, parent } = payload.data.object
  const isOfSubscription = isRecord(parent) && isRecord(parent.subscription_details)
  return isOfSubscription && reason !== 'subscription_create' ? 'subscription' : 'not_relevant'
}

const rules = new Map<string, Rule>(
  Object.entries({
    'checkout.session.completed': page,
    'checkout.session.expired': page,
    'checkout.session.async_payment_succeeded': page,
    'checkout.session.async_payment_failed': page,

    // A card declined on the payment page: an attempt to record. The payment intents of invoices carry no metadata of ours
    // and are told by `invoice.payment_failed`.
    'payment_intent.payment_failed': ({ payload }) =>
      isRecord(payload.data.object.metadata) && metadataKeys.payment in payload.data.object.metadata
        ? 'checkout'
        : 'not_relevant',

    'invoice.payment_failed': (event) =>
      event.payload.data.object.billing_reason === 'subscription_create' ? 'checkout' : laterInvoice(event),
    'invoice.paid': laterInvoice,
    'invoice.voided': laterInvoice,
    'invoice.payment_action_required': laterInvoice,

    'invoice.marked_uncollectible': laterInvoice,

    'payment_method.attached': cards,
    'payment_method.automatically_updated': cards,
    'customer.updated': ({ payload }) =>
      'invoice_settings' in (payload.data.previous_attributes ?? {}) ? 'cards' : 'not_relevant',

    // `charge.refunded` says the same of the charge.
    'refund.created': refund,
    'refund.updated': ({ payload }) =>
      'status' in (payload.data.previous_attributes ?? { status: '' }) ? 'refund' : 'not_relevant',
    'refund.failed': refund,
    'charge.dispute.created': dispute,
    'charge.dispute.updated': dispute,
    'charge.dispute.closed': dispute,
    'charge.dispute.funds_withdrawn': dispute,
    'charge.dispute.funds_reinstated': dispute,
    'radar.early_fraud_warning.created': () => 'fraud_warning',

    'customer.subscription.deleted': subscription,
    'customer.subscription.paused': subscription,
    'customer.subscription.resumed': subscription,
    'customer.subscription.updated': (event) => {
      if (changesTerms(event)) return 'subscription'
      const { previous_attributes: previous = {} } = event.payload.data
      return 'default_payment_method' in previous ? 'cards' : 'not_relevant'
    },
  }),
)

/** Everything Stripe tells about the things we handle. */
const knownFamilies = [
  'checkout.session.',
  'customer.',
  'invoice.',
  'payment_intent.',
  'charge.',
  'refund.',
  'payment_method.',
  'credit_note.',
  'radar.',
  'setup_intent.',
  'subscription_schedule.',
  'test_helpers.',
]

const decisiveAttributes = [
  'cancel_at',
  'cancel_at_period_end',
  'ended_at',
  'pause_collection',
  'pending_update',
  'quantity',
  'trial_end',
]

/** Whether more has changed than the period and the latest invoice, which move at each renewal and are told by the invoice. */
function changesTerms({ payload }: ProviderEvent): boolean {
  const { object, previous_attributes: previous = {} } = payload.data
  // Leaving `incomplete` is the end of the checkout, which reads the subscription itself.
  if ('status' in previous && previous.status !== 'incomplete') return true
  if (decisiveAttributes.some((attribute) => attribute in previous)) return true
  return 'items' in previous && soldSomethingElse(previous.items, object.items)
}

/** Whether the items differ in more than their periods. What the earlier items leave out has not changed. */
function soldSomethingElse(before: unknown, now: unknown): boolean {
  const itemsBefore = itemsOf(before)
  const itemsNow = itemsOf(now)
  if (itemsBefore.length !== itemsNow.length) return true
  return itemsBefore.some((item, position) => {
    const current = itemsNow[position] ?? {}
    return (
      ('price' in item && idOf(item.price) !== idOf(current.price)) ||
      ('quantity' in item && item.quantity !== current.quantity)
    )
  })
}

const itemsOf = (items: unknown) =>
  isRecord(items) && Array.isArray(items.data) ? items.data.filter(isRecord) : []

const idOf = (reference: unknown) => (isRecord(reference) ? reference.id : reference)

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
