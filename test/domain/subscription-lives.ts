import { type DunningStatus, nextDunningStatus } from '../../domain/dunning.ts'
import {
  decideSubscription,
  type SeenSubscription,
  type SubscriptionDecision,
} from '../../domain/decide-subscription.ts'
import {
  failedInvoiceOf,
  type InvoiceSnapshot,
  type KnownSubscription,
  soldSubscription,
  type SubscriptionSnapshot,
  type Terms,
} from '../../domain/subscription.ts'
import { invoiceSeen, subscriptionSeen } from '../support/snapshots.ts'

/** Lives of a subscription, as looks at Stripe show them. */

export const MONTH = 30 * 24 * 3_600_000

/** The invoice of the nth period. */
export const cycle = (period: number, status: InvoiceSnapshot['status']) =>
  invoiceSeen({ invoiceId: `in_${period}`, status, billingReason: 'subscription_cycle' })

export const seenIn = (period: number, seen: Partial<SubscriptionSnapshot> = {}): SubscriptionSnapshot =>
  subscriptionSeen({
    currentPeriodStart: period * MONTH,
    currentPeriodEnd: (period + 1) * MONTH,
    ...seen,
  })

/** What is sold at each price. A price that is none of these was set by hand at Stripe. */
const catalog: Record<string, Terms> = {
  price_pro: { planId: 'pro', planVersion: 1, quantity: 1 },
  price_pro_2: { planId: 'pro', planVersion: 2, quantity: 1 },
  price_team: { planId: 'team', planVersion: 1, quantity: 1 },
}

/** What is known between two looks: the subscription, and its unpaid invoices. */
export interface Life {
  known: KnownSubscription
  cases: Record<string, DunningStatus>
}

export const sold = (): Life => ({
  known: soldSubscription({ planId: 'pro', planVersion: 1, quantity: 1 }),
  cases: {},
})

const isOpen = (status: DunningStatus) => status === 'open'
const isUnpaid = ({ status }: InvoiceSnapshot) => status === 'open' || status === 'draft'

/** What a look means for the cases there are, and the one that it opens. */
function follow(cases: Life['cases'], seen: SubscriptionSnapshot): Life['cases'] {
  const followed = Object.entries(cases).map(([invoiceId, status]): [string, DunningStatus] => {
    const invoice = seen.latestInvoice?.invoiceId === invoiceId ? seen.latestInvoice : undefined
    const ending = invoice?.status === 'paid' ? 'recovered' : 'voided'
    const next = invoice && !isUnpaid(invoice) ? nextDunningStatus(status, ending) : undefined
    if (next) return [invoiceId, next]
    return [invoiceId, seen.status === 'canceled' && isOpen(status) ? 'canceled' : status]
  })
  const failed = failedInvoiceOf(seen)
  return { ...(failed && { [failed.invoiceId]: 'open' }), ...Object.fromEntries(followed) }
}

/** A look, as the recording does it: decisions are taken and recorded until nothing is new. */
export function look(
  { known, cases }: Life,
  snapshot: SubscriptionSnapshot,
): { life: Life; told: SubscriptionDecision[] } {
  const followed = follow(cases, snapshot)
  const openCases = Object.values(followed).filter(isOpen).length
  let current: KnownSubscription = { ...known, openCases }
  const told: SubscriptionDecision[] = []
  for (;;) {
    const { planId, planVersion } = catalog[snapshot.priceId] ?? current
    const seen: SeenSubscription = {
      ...snapshot,
      plan: { planId, planVersion },
      graceEnded: current.graceEnded && openCases > 0,
    }
    const decision = decideSubscription(current, seen)
    if (!decision) break
    told.push(decision)
    if (told.length > 20) throw new Error('the decisions do not come to an end')
    current = recordedAs(current, seen, decision)
  }
  return { life: { known: current, cases: followed }, told }
}

function recordedAs(
  { openCases, ...known }: KnownSubscription,
  seen: SeenSubscription,
  { status, paidInvoice, pendingChange }: SubscriptionDecision,
): KnownSubscription {
  const paidInvoiceId = paidInvoice?.invoiceId ?? known.paidInvoiceId
  return {
    ...seen.plan,
    openCases,
    revision: known.revision + 1,
    status,
    graceEnded: seen.graceEnded,
    currentPeriodStart: seen.currentPeriodStart,
    currentPeriodEnd: seen.currentPeriodEnd,
    cancelAtPeriodEnd: seen.cancelAtPeriodEnd,
    quantity: seen.quantity,
    ...(seen.trialEnd !== undefined && { trialEnd: seen.trialEnd }),
    ...(paidInvoiceId !== undefined && { paidInvoiceId }),
    ...(pendingChange && { pendingChange }),
  }
}

/** What looks at these moments tell, in words: changes, and the invoices whose money is entered. */
export function live(...moments: SubscriptionSnapshot[]) {
  return liveOn(sold(), ...moments)
}

export function liveOn(life: Life, ...moments: SubscriptionSnapshot[]) {
  let current = life
  const story: string[] = []
  for (const seen of moments) {
    const looked = look(current, seen)
    current = looked.life
    for (const { change, paidInvoice } of looked.told)
      story.push([change ?? 'updated', paidInvoice?.invoiceId].filter(Boolean).join(' '))
  }
  return { status: current.known.status, story, life: current }
}
