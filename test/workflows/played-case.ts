import type { WorkflowHandle } from '@temporalio/client'
import type { AttemptInput, AttemptResult } from '../../activities/attempt-payment.ts'
import type { CaseView, LookedAtCase } from '../../activities/dunning-steps.ts'
import { deriveId } from '../../db/mint-id.ts'
import { defaultDunningPolicy, type DunningPolicy } from '../../domain/dunning-policy.ts'
import { dunningStart, type SubscriptionStart, subscriptionStart } from '../../inbox/starts.ts'
import { state } from '../../workflows/messages.ts'
import { afterStep } from '../support/after-step.ts'
import { knownAs } from '../support/snapshots.ts'
import { following, type PlayedActivities, soon, type useTimeSkipping } from './environment.ts'

const DAY = 24 * 3_600_000

type Stage = ReturnType<typeof useTimeSkipping>
let counter = 0

/** An unpaid invoice as its rows and Stripe would have it: activities that keep the rules of the rows and write down what
 *  happened, and when. */
export async function newCase(
  stage: Stage,
  { policy = {}, failedDaysAgo = 0 }: { policy?: Partial<DunningPolicy>; failedDaysAgo?: number } = {},
) {
  counter += 1
  const invoiceId = `in_case_${counter}`
  const failedAt = (await stage.environment.currentTimeMs()) - failedDaysAgo * DAY
  const known = knownAs({ status: 'past_due', currentPeriodEnd: failedAt + 30 * DAY, openCases: 1 })
  const world = {
    failedAt,
    case: {
      failedAt,
      policy: { ...defaultDunningPolicy, ...policy },
      retriesDone: 0,
      retriesNoticed: 0,
      graceEnded: false,
      status: 'open',
      policyVersion: 0,
      amountDue: { amountMinor: 9900, currency: 'brl' },
      lastDecline: 'insufficient funds',
      stripeRetries: false,
    } as CaseView,
    subscription: 'past_due' as 'past_due' | 'active' | 'canceled' | 'paused',
    endActionDone: false,
    newCard: undefined as string | undefined,
    /** Whether a charge goes through, by what it is for. */
    pays: (_intent: string): boolean => false,
    charges: 0,
    looks: 0,
    /** Of what operators asked for. */
    causes: [] as { by: string; why?: string }[],
    /** `day 3: schedule/1 declined` */
    story: [] as string[],
    async tell(what: string): Promise<void> {
      const days = ((await stage.environment.currentTimeMs()) - world.case.failedAt) / DAY
      world.story.push(`day ${Math.round(days * 10) / 10}: ${what}`)
    },
    /** So much more time has gone by since the failure than anybody has seen. */
    miss(length_ms: number): void {
      world.case = { ...world.case, failedAt: world.case.failedAt - length_ms }
    },
    /** The invoice is paid, by whatever road. */
    recover(): void {
      world.case = { ...world.case, status: 'recovered' }
      world.subscription = 'active'
    },
    hasAccess: () =>
      world.subscription === 'active' || (world.subscription === 'past_due' && !world.case.graceEnded),
  }
  const tried = new Map<string, AttemptResult['outcome']>()
  const followed = () => {
    const { status, policy: chosen } = world.case
    const isExhausted =
      status === 'exhausted' && !world.endActionDone && chosen.onExhausted !== 'leave_past_due'
    return following(
      {
        ...known,
        status: world.subscription,
        openCases: status === 'open' ? 1 : 0,
        graceEnded: world.case.graceEnded && world.subscription === 'past_due',
      },
      {
        openCases: status === 'open' ? [invoiceId] : [],
        ...(isExhausted && {
          exhausted: { invoiceId, action: chosen.onExhausted === 'pause' ? 'pause' : 'cancel' },
        }),
      },
    )
  }

  async function attempt({ intent, trigger, cause, retriesDone = 0 }: AttemptInput): Promise<AttemptResult> {
    if (trigger === 'operator') world.causes.push(cause)
    const result = (outcome: AttemptResult['outcome']) => ({
      outcome,
      followed: followed(),
      view: world.case,
    })
    if (world.case.status !== 'open') return result(tried.get(intent) ?? 'not_charged')
    world.case = { ...world.case, retriesDone: Math.max(world.case.retriesDone, retriesDone) }
    const before = tried.get(intent)
    if (before) return result(before)
    const outcome = world.pays(intent) ? 'succeeded' : 'declined'
    tried.set(intent, outcome)
    if (intent.startsWith('new_card/')) world.newCard = undefined
    if (outcome === 'succeeded') {
      world.charges += 1
      world.recover()
    }
    await world.tell(`${intent.replace(/^operator\/.*/, 'operator')} ${outcome}`)
    return result(outcome)
  }

  const played = {
    lookAtCase: async (): Promise<LookedAtCase> => {
      world.looks += 1
      return { ...world.case, ...(world.newCard && { newCard: world.newCard }) }
    },
    attemptPayment: attempt,
    recordDunningStep: async ({ step }) => {
      const after = afterStep(world.case, step)
      if (after === world.case) return after
      world.case = after
      await world.tell('retry' in step ? `${step.kind} ${step.retry}` : step.kind)
      return world.case
    },
    followSubscription: async () => followed(),
    runCommand: async ({ command, exhausted }) => {
      if (exhausted && world.case.status === 'exhausted') world.endActionDone = true
      if (command.kind === 'cancel') {
        world.subscription = 'canceled'
        if (world.case.status === 'open') world.case = { ...world.case, status: 'canceled' }
      }
      if (command.kind === 'pause') world.subscription = 'paused'
      await world.tell(command.kind)
      return { followed: followed() }
    },
    recordOperatorAction: async ({ action, by }) => {
      await world.tell(`${by} chose ${action}`)
      return true
    },
    voidInvoices: async () => [],
  } satisfies PlayedActivities
  const row: SubscriptionStart = {
    projectId: deriveId('prj', 'dunning test'),
    subscriptionId: deriveId('sbs', 'dunning test', String(counter)),
    paymentId: deriveId('pay', 'dunning test', String(counter)),
    stripeSubscriptionId: `sub_case_${counter}`,
    userId: `user-${counter}`,
    correlationId: 'test',
    planId: 'pro',
    status: 'past_due',
    clockId: null,
  }
  const { client } = stage
  const handle = client.workflow.getHandle(`dunning/${invoiceId}`)
  const isRunning = async (one: WorkflowHandle) => (await one.describe()).status.name === 'RUNNING'
  /** Whether it has nothing to do but to wait, or has ended. This server skips no more time once a workflow was terminated at
   *  work. */
  const isAtRest = async (one: WorkflowHandle): Promise<boolean> =>
    !(await isRunning(one)) || (await one.query(state)).until !== undefined
  /** Starts the subscription, which starts the case. */
  const start = async () => {
    const subscription = await client.workflow.start('subscription', subscriptionStart(row))
    await soon(() => isAtRest(handle).catch(() => false)).toBe(true)
    return subscription
  }
  return {
    world,
    played,
    invoiceId,
    start,
    /** The case alone, as an event would bring it back. */
    startCase: () => client.workflow.start('dunning', dunningStart(row, invoiceId)),
    /** Plays the subscription with its case, and ends what the story has left. */
    async play(story: (running: { subscription: WorkflowHandle; handle: WorkflowHandle }) => Promise<void>) {
      await stage.play(played, async () => {
        const subscription = await start()
        await story({ subscription, handle })
      })
      for (const one of [handle, client.workflow.getHandle(`subscription/${row.subscriptionId}`)])
        if (await isRunning(one)) {
          await soon(() => isAtRest(one)).toBe(true)
          // It may come to its end by itself in this moment.
          await one.terminate().catch(async (error: unknown) => {
            if (await isRunning(one)) throw error
          })
        }
    },
    /** Lets so many days pass, and tells what the case has come to. */
    async outcomeAfter(days: number): Promise<unknown> {
      await stage.environment.sleep(days * DAY)
      return handle.result()
    },
    day: (days: number) => new Date(failedAt + days * DAY).toISOString(),
  }
}
