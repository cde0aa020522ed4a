import { inProject } from '../db/client.ts'
import { listAttempts, listCases, owedBy, updateCase } from '../db/dunning.ts'
import { deriveId } from '../db/mint-id.ts'
import { currentRefundPolicy } from '../db/refund-policies.ts'
import { claimCommand, finishCommand } from '../db/subscription-commands.ts'
import {
  subscriptionData,
  type SubscriptionWithPlan,
  toKnown,
  updateSubscription,
} from '../db/subscriptions.ts'
import { type CommandRefusal, refusalOf, type SubscriptionCommand } from '../domain/commands.ts'
import { BillingError } from '../domain/errors.ts'
import type { EventDraft } from '../domain/events.ts'
import type { RefundId } from '../domain/ids.ts'
import type { RefundOpening } from '../domain/refunds.ts'
import type { KnownSubscription } from '../domain/subscription.ts'
import { createCharging } from './charging.ts'
import { createCommandEffects, type CommandOutcome } from './command-effects.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { createFollowSubscription } from './follow-subscription.ts'
import type { Followed } from './record-look.ts'
import { type Cause, openScene, type Scene, type Subject, tell } from './scene.ts'
import { subscriptionNotice } from './subscription-events.ts'

export interface CommandInput extends Subject {
  /** The same when it is asked again: a command that was done is not done twice, whatever is replayed. */
  commandId: string
  command: SubscriptionCommand
  cause: Cause
  /** When it was asked for, by the clock of the subscription. Prorations are reckoned to this moment. */
  at: number
  /** The case whose end this is. It is done without being allowed, unless its invoice has been paid in the last moment. */
  exhausted?: string
}

/** Named once and for all, so that it is given back once. */
export interface RefundDue {
  refundId: RefundId
  opening: RefundOpening
}

export interface CommandResult {
  refusal?: CommandRefusal
  followed: Followed
  /** What was paid for the rest of the period goes back, by policy. */
  refundDue?: RefundDue
}

/** Does what somebody asked of a subscription: checks it against the row, tells Stripe, writes who asked for what and why, and
 *  makes the rows follow. */
export function createRunCommand(dependencies: ActivityDependencies) {
  const { database, now } = dependencies
  const follow = createFollowSubscription(dependencies)
  const effects = createCommandEffects(dependencies)
  const charging = createCharging(dependencies)

  return async function runCommand(input: CommandInput): Promise<CommandResult> {
    const { commandId: _id, command: _command, at: _at, exhausted: _exhausted, cause, ...subject } = input
    if (input.command.kind === 'cancel') await settleAbandoned(subject)
    const begun = await inScene(input, (scene) => begin(scene, input))
    let { refusal } = begun
    if (!begun.isFinished) {
      const carryOut = () => effects.carryOut(input, begun.known)
      // When nobody has asked, nobody would hear of a refusal: the workflow waits for a person.
      const outcome = input.exhausted === undefined ? await attempt(carryOut) : await carryOut()
      refusal = outcome.refusal
      await inScene(input, (scene) => finish(scene, input, outcome))
    }
    const followed = await follow({ ...subject, ...(!refusal && { cause }) })
    const refundDue = refusal ? undefined : await inScene(input, (scene) => refundAfter(scene, input))
    return { followed, ...(refusal && { refusal }), ...(refundDue && { refundDue }) }
  }

  /** Of a charge that nobody will ask about any more, nobody would ever know whether it may be ended. */
  async function settleAbandoned(subject: Subject): Promise<void> {
    const { projectId, subscriptionId } = subject
    const cases = await inProject(database, projectId, (transaction) =>
      listCases(transaction, projectId, [subscriptionId]),
    )
    await charging.settleAbandoned(
      subject,
      cases.map(({ invoiceId }) => invoiceId),
    )
  }

  function inScene<Result>(
    { cause, ...subject }: CommandInput,
    work: (scene: Scene) => Promise<Result>,
  ): Promise<Result> {
    return inProject(database, subject.projectId, async (transaction) =>
      work(await openScene(transaction, { subject, cause, now: now() })),
    )
  }
}

interface Begun {
  isFinished: boolean
  refusal?: CommandRefusal
  known: KnownSubscription
}

/** The row has the last word on whether it can be done. */
async function begin(scene: Scene, input: CommandInput): Promise<Begun> {
  const { transaction, subscription, cases, at } = scene
  const { projectId, subscriptionId, commandId, command, cause } = input
  if (!subscription) throw new Error(`subscription ${subscriptionId} is missing`)
  const known = toKnown(subscription, owedBy(cases))
  const { row: claimed, isNew } = await claimCommand(transaction, {
    projectId,
    subscriptionId,
    commandId,
    kind: command.kind,
    requestedBy: cause.by,
    reason: cause.why ?? null,
    startedAt: at,
  })
  if (claimed.finishedAt)
    return { isFinished: true, known, ...(claimed.refusal && { refusal: claimed.refusal }) }
  // What has been begun was allowed then: its own effect may be what it would be refused for now.
  const isAllowed = !isNew || subscription.subscription.closingAt !== null || input.exhausted !== undefined
  const refusal = isAllowed ? undefined : refusalOf(command, known, input.at)
  if (refusal) {
    await finishCommand(transaction, claimed, { refusal, at })
    return { isFinished: true, known, refusal }
  }
  if (command.kind === 'cancel' && command.at === 'now') await close(scene)
  return { isFinished: false, known }
}

/** What a cancellation at once gives back. Nothing where the money itself was the reason, or was never paid. */
async function refundAfter(
  { transaction, subscription, payment, at }: Scene,
  { projectId, subscriptionId, command, cause, exhausted }: CommandInput,
): Promise<RefundDue | undefined> {
  if (command.kind !== 'cancel' || command.at !== 'now' || command.keepsMoney || exhausted) return undefined
  const { policy } = await currentRefundPolicy(transaction, projectId)
  const invoiceId = subscription?.subscription.paidInvoiceId ?? payment.stripeInvoiceId
  if (policy.onCancellation === 'keep' || !subscription || !invoiceId) return undefined
  const endedAt = (subscription.subscription.endedAt ?? at).getTime()
  return {
    refundId: deriveId('rfd', projectId, subscriptionId, 'cancellation'),
    opening: { kind: 'cancellation', ownerId: subscriptionId, invoiceId, endedAt, by: cause.by },
  }
}

/** From here on nothing may be charged. A charge that is under way is waited for: its outcome decides what is owed. */
async function close({ transaction, subscription, cases, subject, at }: Scene): Promise<void> {
  const attempts = await listAttempts(
    transaction,
    subject.projectId,
    cases.map(({ invoiceId }) => invoiceId),
  )
  if (attempts.some(({ outcome }) => outcome === null))
    throw new BillingError('attempt_under_way', { retryAfterSeconds: 1 })
  if (subscription) await updateSubscription(transaction, subscription.subscription, { closingAt: at })
}

/** A final refusal of the provider is the answer to whoever asked; everything else is tried again. */
async function attempt(effect: () => Promise<CommandOutcome>): Promise<CommandOutcome> {
  try {
    return await effect()
  } catch (error) {
    if (!(error instanceof BillingError) || error.retryable) throw error
    return { refusal: { code: error.code, detail: error.detail, facts: error.facts } }
  }
}

async function finish(scene: Scene, input: CommandInput, outcome: CommandOutcome): Promise<void> {
  const { transaction, subscription, at } = scene
  const { command, commandId, subscriptionId } = input
  const { refusal, columns, what = command.kind } = outcome
  if (!subscription) throw new Error(`subscription ${subscriptionId} is missing`)
  // What was not ended may be charged again.
  const changed = {
    ...columns,
    ...(refusal && { closingAt: null }),
    // A pause that could not end on its date waits for somebody.
    ...(refusal && input.cause.by === 'quittance' && command.kind === 'resume' && { pausedUntil: null }),
  }
  const recorded =
    Object.keys(changed).length === 0
      ? subscription.subscription
      : await updateSubscription(transaction, subscription.subscription, {
          ...changed,
          // A look that began before must not take this for what Stripe knows nothing of.
          revision: subscription.subscription.revision + 1,
        })
  // A person gets the refusal as the answer; what we tried by ourselves is told here.
  const { by, why } = input.cause
  if (!refusal || by === 'quittance')
    await tell(
      { ...scene, cause: { by } },
      {
        intent: `${subscriptionId}/command/${commandId}`,
        action: refusal ? `command.${command.kind}_refused` : `command.${command.kind}`,
        why: refusal ? refusal.detail : [what, why].filter(Boolean).join(' '),
        occurredAt: at,
        stripeIds: [input.stripeSubscriptionId],
        after: { ...command },
        events:
          refusal && command.kind === 'resume'
            ? endlessPause({ ...subscription, subscription: recorded }, outcome)
            : [],
      },
    )
  if (input.exhausted && !refusal)
    await updateCase(
      transaction,
      { projectId: input.projectId, invoiceId: input.exhausted },
      { endActionAt: at },
    )
  await finishCommand(transaction, input, { refusal, at })
}

/** The date of a pause has come and it could not end: nobody has asked, so whoever it concerns is told. */
function endlessPause(
  recorded: SubscriptionWithPlan,
  { refusal, due }: Pick<CommandOutcome, 'refusal' | 'due'>,
): EventDraft[] {
  const payUrl = refusal?.facts?.pay_url
  return [
    {
      type: 'subscription.updated',
      subject: recorded.subscription.subscriptionId,
      data: subscriptionData(recorded),
    },
    subscriptionNotice('subscription_paused', recorded, {
      reason:
        payUrl === undefined
          ? 'It was to go on now, but your card could not be charged. Please use another card, and resume it.'
          : 'It was to go on now, but your bank asks you to confirm the payment.',
      ...(due && { amount: due.amountMinor, currency: due.currency }),
      ...(payUrl !== undefined && { pay_url: String(payUrl) }),
    }),
  ]
}
