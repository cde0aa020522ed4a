import { findLatestPlan, type PlanRow, readPlan, toPlan } from '../db/catalog.ts'
import { inProject } from '../db/client.ts'
import { type DunningCaseRow, listCases, updateCase } from '../db/dunning.ts'
import type { SubscriptionRow } from '../db/subscriptions.ts'
import {
  type ChangePlanRequest,
  type CommandRefusal,
  type PauseRequest,
  renewalUnderWay,
} from '../domain/commands.ts'
import type { Money } from '../domain/money.ts'
import type { ChangeRequest, ResumeAnswer } from '../domain/provider.ts'
import type { KnownSubscription, PendingChange, SubscriptionSnapshot } from '../domain/subscription.ts'
import { createAttemptPayment } from './attempt-payment.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { ensurePrice } from './open-checkout.ts'
import type { CommandInput } from './run-command.ts'

export interface CommandOutcome {
  refusal?: CommandRefusal
  /** What the row remembers of it until Stripe shows it. */
  columns?: Partial<Pick<SubscriptionRow, 'pendingChange' | 'pausedUntil'>>
  /** What the customer is to pay before it can be done. */
  due?: Money
  /** In words, for the audit. */
  what?: string
}

/** What each command does at Stripe. Each may be repeated: what is there already is not done again. */
export function createCommandEffects(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const attemptPayment = createAttemptPayment(dependencies)

  return {
    carryOut(input: CommandInput, known: KnownSubscription): Promise<CommandOutcome> {
      const { command } = input
      switch (command.kind) {
        case 'changePlan':
          return changePlan(input, command, known)
        case 'cancel':
          return command.at === 'now' ? cancelNow(input) : cancelAtPeriodEnd(input)
        case 'resume':
          return resume(input, known)
        case 'pause':
          return pause(input, command)
        case 'retryPayment':
          return retryPayment(input)
      }
    },
  }

  async function changePlan(
    input: CommandInput,
    { planId, when, quantity }: ChangePlanRequest,
    known: KnownSubscription,
  ): Promise<CommandOutcome> {
    const { projectId, stripeSubscriptionId, cause } = input
    const [plan, current] = await inProject(database, projectId, (transaction) =>
      Promise.all([
        findLatestPlan(transaction, projectId, planId),
        readPlan(transaction, { projectId, planId: known.planId, version: known.planVersion }),
      ]),
    )
    if (!plan) return refuse('plan_not_found', `This project has no plan "${planId}".`)
    if (plan.currency !== current.currency)
      return refuse(
        'currency_mismatch',
        `"${planId}" is sold in ${plan.currency}, the subscription runs in ${current.currency}. Cancel it and start a new checkout.`,
      )
    const terms = { planId, planVersion: plan.version, quantity: quantity ?? known.quantity }
    const asked = { by: cause.by, ...(cause.why !== undefined && { reason: cause.why }) }
    const dropPending = async () => {
      if (known.pendingChange) await provider.dropPendingChange(stripeSubscriptionId)
    }
    if (planId === known.planId && terms.quantity === known.quantity) {
      await dropPending()
      return { columns: { pendingChange: null }, what: 'The change that was asked for before is taken back.' }
    }
    const request = await changeRequest(input, plan, terms.quantity)
    if (await isRenewing(stripeSubscriptionId, (seen) => sells(seen, request)))
      return { refusal: renewalUnderWay }
    if (when === 'period_end') {
      await effect(input, 'schedule', undefined, (key) => provider.changeAtPeriodEnd(request, key))
      const pendingChange: PendingChange = { ...terms, ...asked, when, at: known.currentPeriodEnd }
      return { columns: { pendingChange }, what: `The plan becomes ${planId} when the period ends.` }
    }
    const made = await effect(
      input,
      'change',
      async () => {
        const seen = await provider.readSubscription(stripeSubscriptionId)
        return sells(seen, request) ? ('changed' as const) : undefined
      },
      (key) => provider.changeNow(request, key),
    )
    // What was asked for before gives way only now: had the charge been declined, it would still stand.
    await dropPending()
    if (made === 'changed')
      return { columns: { pendingChange: null }, what: `The plan becomes ${planId} at once.` }
    const { payUrl, lapsesAt } = await effect(input, 'pending-change', undefined, (key) =>
      provider.changeWhenPaid(request, key),
    )
    const pendingChange: PendingChange = { ...terms, ...asked, when, at: lapsesAt, ...(payUrl && { payUrl }) }
    return {
      columns: { pendingChange },
      what: `The plan becomes ${planId} when the customer has confirmed the payment.`,
    }
  }

  async function changeRequest(
    { projectId, stripeSubscriptionId, at }: CommandInput,
    plan: PlanRow,
    quantity: number,
  ): Promise<ChangeRequest> {
    return {
      providerSubscriptionId: stripeSubscriptionId,
      providerPriceId:
        plan.stripePriceId ??
        (await ensurePrice(dependencies, { projectId, item: { kind: 'plan', plan: toPlan(plan) } })),
      interval: plan.interval,
      quantity,
      at,
    }
  }

  /** Whether Stripe has an invoice of a renewal that is not paid, which the row may not show yet. What was done before it came
   *  and lost its answer is done all the same. */
  async function isRenewing(
    stripeSubscriptionId: string,
    isDone: (seen: SubscriptionSnapshot) => boolean,
  ): Promise<boolean> {
    for (const invoiceId of await provider.listOpenInvoices(stripeSubscriptionId)) {
      const { billingReason } = await provider.readInvoice(invoiceId)
      if (billingReason === 'subscription_cycle')
        return !isDone(await provider.readSubscription(stripeSubscriptionId))
    }
    return false
  }

  /** Void first, then cancel: whoever pays in between has paid what they owed, and nobody can pay afterwards. */
  async function cancelNow(input: CommandInput): Promise<CommandOutcome> {
    const { projectId, stripeSubscriptionId } = input
    const owed = await voidWhatIsOwed(input)
    if (owed === 'paid') return paidInTheLastMoment
    await releaseFromSchedule(stripeSubscriptionId)
    await provider.cancelNow(stripeSubscriptionId)
    await inProject(database, projectId, async (transaction) => {
      for (const found of owed) await updateCase(transaction, found, { endActionAt: now() })
    })
    return { columns: { pendingChange: null }, what: 'The subscription ends now.' }
  }

  /** @returns the unpaid cases; or that the one whose end this is has been paid. */
  async function voidWhatIsOwed({
    projectId,
    subscriptionId,
    stripeSubscriptionId,
    exhausted,
  }: CommandInput): Promise<DunningCaseRow[] | 'paid'> {
    const cases = await inProject(database, projectId, (transaction) =>
      listCases(transaction, projectId, [subscriptionId]),
    )
    const owed = cases.filter(({ status }) => status === 'open' || status === 'exhausted')
    const open = await provider.listOpenInvoices(stripeSubscriptionId)
    for (const invoiceId of new Set([...owed.map((one) => one.invoiceId), ...open])) {
      const state = await provider.voidInvoice(invoiceId)
      if (state === 'paid' && invoiceId === exhausted) return 'paid'
    }
    return owed
  }

  /** Stripe refuses to end or to pause what a schedule governs, which it does until a whole period after the change has come,
   *  when we wait for it no longer. */
  function releaseFromSchedule(stripeSubscriptionId: string): Promise<void> {
    return provider.dropPendingChange(stripeSubscriptionId)
  }

  async function cancelAtPeriodEnd({ stripeSubscriptionId }: CommandInput): Promise<CommandOutcome> {
    await releaseFromSchedule(stripeSubscriptionId)
    await provider.setCancelAtPeriodEnd(stripeSubscriptionId, true)
    return { columns: { pendingChange: null }, what: 'The subscription ends with its period.' }
  }

  async function resume(input: CommandInput, known: KnownSubscription): Promise<CommandOutcome> {
    const { stripeSubscriptionId } = input
    if (known.status !== 'paused') {
      await provider.setCancelAtPeriodEnd(stripeSubscriptionId, false)
      return { what: 'The cancellation is taken back.' }
    }
    const answer = await effect<ResumeAnswer>(
      input,
      'resume',
      async () => {
        const { status } = await provider.readSubscription(stripeSubscriptionId)
        return status === 'paused' ? undefined : { outcome: 'resumed' }
      },
      (key) => provider.resume(stripeSubscriptionId, key),
    )
    switch (answer.outcome) {
      case 'resumed':
        return { columns: { pausedUntil: null }, what: 'The pause ends.' }
      case 'declined':
        return refuse(
          'card_declined',
          'What is due on resuming could not be charged: it stays paused. Add another card and resume again.',
        )
      case 'authenticate':
        return {
          ...refuse(
            'authentication_required',
            "The customer's bank wants to see the customer: send them to pay_url. It goes on when they have paid.",
            { invoice_id: answer.invoiceId, ...(answer.payUrl && { pay_url: answer.payUrl }) },
          ),
          due: answer.due,
        }
    }
  }

  /** What was never paid is no credit: where a pause is the end of a case, what is owed is made void first. */
  async function pause(input: CommandInput, { until }: PauseRequest): Promise<CommandOutcome> {
    const { stripeSubscriptionId, exhausted } = input
    if (exhausted === undefined && (await isRenewing(stripeSubscriptionId, isPaused)))
      return { refusal: renewalUnderWay }
    if (exhausted !== undefined && (await voidWhatIsOwed(input)) === 'paid') return paidInTheLastMoment
    const creditsUnused =
      exhausted === undefined || isPeriodPaid(await provider.readSubscription(stripeSubscriptionId))
    await releaseFromSchedule(stripeSubscriptionId)
    await effect(
      input,
      'pause',
      async () => isPaused(await provider.readSubscription(stripeSubscriptionId)) || undefined,
      async (key) => {
        await provider.pause({ providerSubscriptionId: stripeSubscriptionId, creditsUnused }, key)
        return true
      },
    )
    return {
      columns: { pendingChange: null, pausedUntil: until === undefined ? null : new Date(until) },
      what: `The subscription is paused${until === undefined ? '' : ` until ${new Date(until).toISOString()}`}.`,
    }
  }

  async function retryPayment(input: CommandInput): Promise<CommandOutcome> {
    const { commandId, cause, projectId, subscriptionId, paymentId, stripeSubscriptionId } = input
    const [oldest] = (
      await inProject(database, projectId, (transaction) =>
        listCases(transaction, projectId, [subscriptionId]),
      )
    ).filter(({ status }) => status === 'open')
    if (!oldest) return {}
    const { outcome, declineCode, view } = await attemptPayment({
      projectId,
      subscriptionId,
      paymentId,
      stripeSubscriptionId,
      invoiceId: oldest.invoiceId,
      intent: `operator/${commandId}`,
      trigger: 'operator',
      cause,
    })
    if (view.status === 'recovered') return { what: 'The unpaid invoice is paid.' }
    const facts = {
      invoice_id: oldest.invoiceId,
      ...(declineCode && { decline_code: declineCode }),
      ...(oldest.payUrl && { pay_url: oldest.payUrl }),
    }
    switch (outcome) {
      case 'succeeded':
        return { what: 'The unpaid invoice was charged again.' }
      case 'declined':
        return refuse(
          'card_declined',
          'The card was declined again. The schedule goes on as it was; a new card is charged at once.',
          facts,
        )
      case 'needs_customer':
        return refuse(
          'authentication_required',
          "The customer's bank wants to see the customer: send them to pay_url.",
          facts,
        )
      case 'not_charged':
        return refuse(
          'nothing_to_collect',
          'There is no card that may be charged: the bank has refused each for good. Ask for a new card.',
          facts,
        )
    }
  }

  function effect<Result>(
    { projectId, subscriptionId, commandId }: CommandInput,
    name: string,
    lookUp: (() => Promise<Result | undefined>) | undefined,
    call: (effectKey: string) => Promise<Result>,
  ): Promise<Result> {
    return runEffect({
      database,
      effect: { projectId, intent: `${subscriptionId}/${commandId}/${name}` },
      now: now(),
      // What has no look-up of its own finds by itself what is there already.
      lookUp: lookUp ?? (() => Promise.resolve(undefined)),
      call,
    })
  }
}

const sells = (
  { priceId, quantity }: SubscriptionSnapshot,
  { providerPriceId, quantity: asked }: ChangeRequest,
) => priceId === providerPriceId && quantity === asked

const isPaused = ({ status }: SubscriptionSnapshot) => status === 'paused'

/** An earlier invoice may be the one that nobody pays. */
const isPeriodPaid = ({ latestInvoice }: SubscriptionSnapshot) =>
  latestInvoice?.billingReason === 'subscription_cycle' && latestInvoice.status === 'paid'

const refuse = (
  code: CommandRefusal['code'],
  detail: string,
  facts?: CommandRefusal['facts'],
): CommandOutcome => ({ refusal: { code, detail, ...(facts && { facts }) } })

const paidInTheLastMoment = refuse('nothing_to_collect', 'It was paid in the last moment.')
