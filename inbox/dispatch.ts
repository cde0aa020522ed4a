import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { type HandledEvent, markEventHandled, postponeEvent } from '../db/inbox.ts'
import { lateRefundOf } from '../db/late-refund.ts'
import {
  type CaseOwner,
  findClockOf,
  findOpenCase,
  findPaymentOwner,
  findSubscriptionOwner,
  listOpenCases,
  type SubscriptionOwner,
} from '../db/owners.ts'
import { findOwner } from '../db/stripe-objects.ts'
import { mayStillChange } from '../domain/checkout.ts'
import { isId, type PaymentId, type ProjectId, type SubscriptionId } from '../domain/ids.ts'
import type { ProviderEvent } from '../domain/provider.ts'
import {
  checkoutWorkflowId,
  dunningWorkflowId,
  paymentMethodWorkflowId,
  subscriptionWorkflowId,
} from '../workflows/ids.ts'
import { stripeChanged } from '../workflows/messages.ts'
import { describeFailure } from './describe-failure.ts'
import { noticeForeign } from './notice-foreign.ts'
import { eventAge, eventsHandled, eventsPostponed } from './metrics.ts'
import { type OwnerClaim, ownerClaim } from './owner.ts'
import { type Route, routeOf, wakesNobody } from './routes.ts'
import { createDisputeTeller } from './tell-dispute.ts'
import { createRefundTeller } from './tell-refund.ts'
import {
  dunningStart,
  type PaymentMethodStart,
  paymentMethodStart,
  refundStart,
  subscriptionStart,
} from './starts.ts'
import { createTurnstile } from './turnstile.ts'
import { createWakeCheckout } from './wake-checkout.ts'

export interface Dispatcher {
  /** Tells the workflow that owns a stored event. Never throws: what fails is put off and done by the sweep. */
  dispatch(event: ProviderEvent): Promise<'handled' | 'postponed'>
  /** Takes note of an event that was closed as it was stored, because it wakes nobody. */
  note(event: ProviderEvent): void
}

export interface DispatcherOptions {
  system: Database
  temporal: Client
  /** The mode this installation runs in. */
  livemode: boolean
  /** The API version its code was written against. */
  apiVersion: string
  logger: Logger
  /** Events told at once; as many again as fit in `waiting` stand in line, and the rest is left to the sweep. */
  concurrency?: number
  waiting?: number
  /** How long Temporal may take to accept a signal before the event is put off. */
  signalDeadline_ms?: number
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { system, temporal, logger, concurrency = 16, waiting = 1_000, signalDeadline_ms = 5_000 } = options
  const turnstile = createTurnstile({ concurrency, waiting })
  const tellDispute = createDisputeTeller({ system, within, temporal })
  const wakeCheckout = createWakeCheckout({ within, temporal })
  const tellRefund = createRefundTeller({ system, within, temporal })

  return {
    async dispatch(event) {
      return (await turnstile.pass(() => attempt(event))) ?? 'postponed'
    },
    note(event) {
      noticeForeign(event, options)
      const route = routeOf(event)
      if (wakesNobody(route)) tell(event, { outcome: route }, 0)
    },
  }

  async function attempt(event: ProviderEvent): Promise<'handled' | 'postponed'> {
    try {
      noticeForeign(event, options)
      const handled = await tellOwner(event)
      tell(event, handled, await markEventHandled(system, event, handled))
      return 'handled'
    } catch (error) {
      await postpone(event, error)
      return 'postponed'
    }
  }

  /** @param age_s since it was received; `undefined` when somebody else has closed it. */
  function tell(event: ProviderEvent, handled: HandledEvent, age_s: number | undefined): void {
    const { eventId, type } = event
    if (handled.outcome === 'unknown_type') logger.warn({ eventId, type }, 'event of an unknown type kept')
    eventsHandled.inc({ outcome: handled.outcome })
    if (age_s !== undefined) eventAge.observe(age_s)
    logger.debug({ eventId, type, ...handled }, 'event handled')
  }

  async function tellOwner(event: ProviderEvent): Promise<HandledEvent> {
    const route = routeOf(event)
    if (wakesNobody(route)) return { outcome: route }
    const claim = ownerClaim(event)
    if (route === 'cards') return tellWaitingCases(event, claim)
    if (route === 'setup_page') return tellPaymentMethod(event, claim)
    if (route === 'dispute') return tellDispute(event, claim)
    if (route === 'refund' || route === 'fraud_warning') return tellRefund(event, claim)
    const owner = await claimedOwner(route, claim, event.livemode)
    if (!owner) return { outcome: 'not_ours' }
    const handled =
      'subscriptionId' in owner
        ? await tellSubscription(event, owner, claim.stripeSubscriptionId)
        : await tellCheckout(event, owner)
    return handled.outcome === 'not_ours' ? handled : { ...handled, projectId: owner.projectId }
  }

  /** Our ids in the metadata lead; without any, what we know of Stripe's ids. */
  async function claimedOwner(
    route: Route,
    claim: OwnerClaim,
    livemode: boolean,
  ): Promise<ClaimedOwner | undefined> {
    const { projectId, paymentId, subscriptionId, stripeIds } = claim
    if (projectId) {
      if (route === 'subscription' && subscriptionId) return { projectId, subscriptionId, paymentId }
      return paymentId && { projectId, paymentId }
    }
    const known = await findOwner(system, { stripeIds, livemode })
    if (!known) return undefined
    if (isId('sbs', known.ownerId)) return { projectId: known.projectId, subscriptionId: known.ownerId }
    if (isId('pay', known.ownerId)) return { projectId: known.projectId, paymentId: known.ownerId }
    return undefined
  }

  /** The checkout may not run yet, or no more: it is started by the signal as long as news can change its payment. */
  async function tellCheckout(
    event: ProviderEvent,
    claimed: { projectId: ProjectId; paymentId: PaymentId },
  ): Promise<HandledEvent> {
    const payment = await findPaymentOwner(system, claimed)
    // Metadata alone proves nothing: the row must exist in that project, and in the event's mode.
    if (payment?.livemode !== event.livemode) return { outcome: 'not_ours' }
    const workflowId = checkoutWorkflowId(payment.paymentId)
    if (!mayStillChange(payment.status)) return { outcome: 'owner_finished', workflowId }
    await wakeCheckout(event, payment)
    return { outcome: 'signaled', workflowId }
  }

  async function tellSubscription(
    event: ProviderEvent,
    claimed: { projectId: ProjectId; subscriptionId: SubscriptionId; paymentId?: PaymentId | undefined },
    stripeSubscriptionId: string | undefined,
  ): Promise<HandledEvent> {
    const { subscriptionId } = claimed
    const workflowId = subscriptionWorkflowId(subscriptionId)
    const subscription = await findSubscriptionOwner(system, claimed)
    if (!subscription) return tellSoldSubscription(event, claimed, stripeSubscriptionId)
    if (subscription.livemode !== event.livemode) return { outcome: 'not_ours' }
    if (subscription.status === 'canceled' && event.type === 'invoice.paid')
      return tellLatePayment(event, subscription)
    const waiting = event.type.startsWith('invoice.')
      ? await findOpenCase(system, { projectId: claimed.projectId, invoiceId: event.objectId })
      : undefined
    if (waiting) return tellCase(event, waiting)
    if (await signalRunning(event, workflowId)) return { outcome: 'signaled', workflowId }
    if (subscription.status === 'canceled') return { outcome: 'owner_finished', workflowId }
    // It should run and does not: somebody terminated it. The event brings it back.
    await within(() =>
      temporal.workflow.signalWithStart('subscription', {
        ...subscriptionStart(subscription),
        signal: stripeChanged,
        signalArgs: [hint(event)],
      }),
    )
    return { outcome: 'signaled', workflowId }
  }

  /** The subscription has ended, so its workflow looks no more. Whether the money had been owed is found out by the refund. */
  async function tellLatePayment(
    event: ProviderEvent,
    subscription: SubscriptionOwner,
  ): Promise<HandledEvent> {
    const start = refundStart({ ...subscription, ...lateRefundOf(subscription, event.objectId) })
    await within(() =>
      temporal.workflow.signalWithStart('refund', {
        ...start,
        signal: stripeChanged,
        signalArgs: [hint(event)],
      }),
    )
    return { outcome: 'signaled', workflowId: start.workflowId }
  }

  /** The unpaid invoice is a workflow of its own, which tells the subscription what matters to it. */
  async function tellCase(
    event: ProviderEvent,
    { projectId, invoiceId, subscriptionId }: CaseOwner,
  ): Promise<HandledEvent> {
    const subscription = await findSubscriptionOwner(system, { projectId, subscriptionId })
    if (!subscription) return { outcome: 'not_ours' }
    await within(() =>
      temporal.workflow.signalWithStart('dunning', {
        ...dunningStart(subscription, invoiceId),
        signal: stripeChanged,
        signalArgs: [hint(event)],
      }),
    )
    return { outcome: 'signaled', workflowId: dunningWorkflowId(invoiceId), projectId }
  }

  /** A customer has another card: each of their unpaid invoices may be paid by it. */
  async function tellWaitingCases(event: ProviderEvent, claim: OwnerClaim): Promise<HandledEvent> {
    const customer = await claimedCustomer(event, claim)
    let handled: HandledEvent = { outcome: 'not_relevant' }
    for (const waiting of customer ? await listOpenCases(system, customer) : [])
      handled = await tellCase(event, waiting)
    return handled
  }

  /** A customer has saved a card on our page, or let it expire: what was to become of the card is up to their workflow. */
  async function tellPaymentMethod(event: ProviderEvent, claim: OwnerClaim): Promise<HandledEvent> {
    const customer = await claimedCustomer(event, claim)
    if (!customer) return { outcome: 'not_ours' }
    await within(() =>
      temporal.workflow.signalWithStart('paymentMethod', {
        ...paymentMethodStart(customer),
        signal: stripeChanged,
        signalArgs: [hint(event)],
      }),
    )
    const workflowId = paymentMethodWorkflowId(customer.customerId)
    return { outcome: 'signaled', workflowId, projectId: customer.projectId }
  }

  async function claimedCustomer(
    { livemode }: ProviderEvent,
    { stripeCustomerId }: OwnerClaim,
  ): Promise<PaymentMethodStart | undefined> {
    if (!stripeCustomerId) return undefined
    const owner = await findOwner(system, { stripeIds: [stripeCustomerId], livemode })
    return owner && isId('cst', owner.ownerId)
      ? { projectId: owner.projectId, customerId: owner.ownerId }
      : undefined
  }

  /** A subscription without a row: its checkout has not handed over yet, or it has and the first look is under way.
   *
   *  Either way the event needs no retelling. What it tells had happened at Stripe before we received it, and the
   *  subscription's first act is to read Stripe: a run that starts later than now sees it, and one that runs gets the
   *  signal. What could be missing is the start itself, so the checkout is woken while its payment is open; and where the
   *  payment is settled (its checkout may have been terminated before handing over) the subscription is started here. */
  async function tellSoldSubscription(
    event: ProviderEvent,
    {
      projectId,
      subscriptionId,
      paymentId,
    }: { projectId: ProjectId; subscriptionId: SubscriptionId; paymentId?: PaymentId | undefined },
    stripeSubscriptionId: string | undefined,
  ): Promise<HandledEvent> {
    const payment = paymentId && (await findPaymentOwner(system, { projectId, paymentId }))
    if (payment?.subscriptionId !== subscriptionId || payment.livemode !== event.livemode)
      return { outcome: 'not_ours' }
    const workflowId = subscriptionWorkflowId(subscriptionId)
    if (await signalRunning(event, workflowId)) return { outcome: 'signaled', workflowId }
    if (mayStillChange(payment.status)) {
      await wakeCheckout(event, payment)
      return { outcome: 'covered_by_first_read', workflowId: checkoutWorkflowId(payment.paymentId) }
    }
    if (!stripeSubscriptionId) return { outcome: 'covered_by_first_read', workflowId }
    const clockId = await findClockOf(system, payment)
    await within(() =>
      temporal.workflow.signalWithStart('subscription', {
        ...subscriptionStart({
          ...payment,
          subscriptionId,
          stripeSubscriptionId,
          status: 'incomplete',
          clockId,
        }),
        signal: stripeChanged,
        signalArgs: [hint(event)],
      }),
    )
    return { outcome: 'signaled', workflowId }
  }

  /** @returns whether there was a running workflow to signal. */
  async function signalRunning(event: ProviderEvent, workflowId: string): Promise<boolean> {
    try {
      await within(() => temporal.workflow.getHandle(workflowId).signal(stripeChanged, hint(event)))
      return true
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false
      throw error
    }
  }

  function within<Result>(call: () => Promise<Result>): Promise<Result> {
    return temporal.withDeadline(Date.now() + signalDeadline_ms, call)
  }

  async function postpone(event: ProviderEvent, error: unknown): Promise<void> {
    const { eventId, type } = event
    const reason = describeFailure(error)
    eventsPostponed.inc()
    logger.warn({ eventId, type, reason }, 'event put off: its workflow could not be told')
    try {
      await postponeEvent(system, event, reason)
    } catch (failure) {
      // It stays due as it was.
      logger.warn({ eventId, reason: describeFailure(failure) }, 'putting the event off was not stored')
    }
  }
}

type ClaimedOwner =
  | { projectId: ProjectId; paymentId: PaymentId }
  | { projectId: ProjectId; subscriptionId: SubscriptionId; paymentId?: PaymentId | undefined }

const hint = ({ eventId, objectId }: ProviderEvent) => ({ eventId, objectId })
