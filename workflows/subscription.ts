import {
  allHandlersFinished,
  condition,
  continueAsNew,
  patched,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { CommandResult } from '../activities/run-command.ts'
import type { Followed } from '../activities/record-look.ts'
import type { SubscriptionCommand } from '../domain/commands.ts'
import type { KnownSubscription, SubscriptionStatus } from '../domain/subscription.ts'
import { clockOf, describeTime } from './clock.ts'
import { commandDesk } from './command-desk.ts'
import { describeSubscription } from './describe-subscription.ts'
import { showDetails } from './details.ts'
import { dunningWorkflowId } from './ids.ts'
import { caseChanged, state, stripeChanged, type SubscriptionInput } from './messages.ts'
import { nextDue } from './next-due.ts'
import { operatorDesk } from './operator-desk.ts'
import { record, stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { startRefund } from './start-refund.ts'
import { unpaidCases } from './unpaid-cases.ts'
import { upgrading } from './versioning.ts'
import { wakeable } from './wakeable.ts'

// It lives for years: each step is taken by the current release, and recorded histories hold that to be possible.
setWorkflowOptions(upgrading, subscription)

/** A promise that lasts years: looks at Stripe when woken or when something was due, does what people ask of it, records what
 *  it sees, and sleeps again. Each billing period is a run of its own, so that histories stay short and new code is picked
 *  up. */
export async function subscription(input: SubscriptionInput): Promise<SubscriptionStatus> {
  const { projectId, subscriptionId, paymentId, stripeSubscriptionId } = input
  const subject = { projectId, subscriptionId, paymentId, stripeSubscriptionId }
  let { known, announcedTrialEnd } = input
  let seen: Followed | undefined
  /** Exhausted cases that an operator has chosen not to end. Their rows say so as well, for later runs. */
  const leftAlone = new Set<string>()
  let waiting = { for: 'a first look at Stripe', until: undefined as number | undefined }

  const clock = clockOf(projectId, input.clock)
  const cases = unpaidCases(input, { subject, clock })
  const wake = wakeable(clock, input.seenEventIds)
  const desk = operatorDesk({ ...input, subjectId: subscriptionId, newsHasCome: wake.pending, clock })
  const commands = commandDesk({
    known: () => known,
    now: () => clock.now(),
    awaitsOperator: () => desk.attention() !== undefined,
  })
  setHandler(stripeChanged, wake.on)
  setHandler(caseChanged, ({ invoiceId, hasEnded }) => {
    if (hasEnded) cases.forget(invoiceId)
    wake.nudge()
  })
  setHandler(state, () => ({
    status: known?.status ?? 'incomplete',
    waitingFor: waiting.for,
    ...(waiting.until !== undefined && { until: new Date(waiting.until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  if (known) clock.set(input.clock?.now)
  else await look()
  const periodOfRun = known?.currentPeriodEnd
  while (!hasEnded()) {
    const asked = commands.next()
    if (asked) {
      const { by, reason, ...command } = asked
      const result = await runCommand({
        ...command,
        cause: { by, ...(reason !== undefined && { why: reason }) },
      })
      commands.answer(
        result?.refusal
          ? { refusal: result.refusal }
          : known
            ? { known }
            : { refusal: { code: 'internal', detail: 'The subscription could not be read.' } },
      )
      continue
    }
    if (seen?.exhausted && (await endExhausted(seen.exhausted))) continue
    await cases.start(seen?.openCases ?? [], { planId: known?.planId, amountsDue: seen?.amountsDue })
    if (isTimeForNewRun()) await startNewRun()
    else await waitForNext()
  }
  if (seen && seen.toVoid.length > 0) await voidWhatIsOpen(seen.toVoid)
  await clock.leave()
  showDetails('The subscription has ended.')
  // Whoever asked in the last moment is told so.
  while (!allHandlersFinished()) {
    if (commands.pending())
      commands.answer({
        refusal: { code: 'subscription_ended', detail: 'It has ended. To come back, start a new checkout.' },
      })
    await condition(() => allHandlersFinished() || commands.pending())
  }
  return known?.status ?? 'incomplete'

  function hasEnded(): boolean {
    return known?.status === 'canceled' || seen?.neverStarted === true
  }

  /** Sleeps until something is due or has happened, and does what follows from it. */
  async function waitForNext(): Promise<void> {
    const due = nextDue(clock, { known, seen, announcedTrialEnd })
    waiting = { for: due.for, until: due.at }
    if (!wake.pending()) showDetails(describeSubscription(known, due, cases.started()))
    await wake.until(due.at, due.summary, commands.pending)
    if (commands.pending()) return
    const isDue = clock.now() >= due.at && !wake.pending()
    if (isDue && due.kind === 'trial_notice') {
      announcedTrialEnd = known?.trialEnd
      await record.recordTrialNotice(subject)
    } else if (isDue && due.kind === 'end_of_pause' && known?.pausedUntil !== undefined) {
      // Refused (the card was declined), it stays paused without a date, and tells why in its timeline.
      await runCommand({
        commandId: `end-of-pause/${known.pausedUntil}`,
        command: { kind: 'resume' },
        cause: { by: 'quittance', why: `The pause was to last until ${describeTime(known.pausedUntil)}.` },
      })
    } else {
      await look()
    }
  }

  /** Reads Stripe and records what is new. */
  async function look(): Promise<void> {
    const hinted = new Set<string>()
    const followed = await desk.attend('Stripe did not let us read the subscription.', () => {
      const eventId = wake.answer()
      for (const invoiceId of wake.hintedInvoices()) hinted.add(invoiceId)
      return record.followSubscription({
        ...subject,
        ...(known && { knownPeriodEnd: known.currentPeriodEnd }),
        // A row that is there already (this run was started anew) is found out by its own revision.
        knownRevision: known?.revision ?? 0,
        ...(eventId && { cause: { by: 'stripe', eventId } }),
        ...(hinted.size > 0 && { hintedInvoices: [...hinted] }),
      })
    })
    if (followed) take(followed)
  }

  function take(followed: Followed): void {
    seen = followed
    known = followed.known
    clock.set(followed.clockNow)
    if (known) showInLists(known)
  }

  /** Only what has changed is written: each time costs an event. */
  function showInLists({ status, planId }: KnownSubscription): void {
    const shown = workflowInfo().typedSearchAttributes
    const changes = [
      { key: searchAttributes.status, value: status },
      { key: searchAttributes.plan, value: planId },
    ].filter(({ key, value }) => shown.get(key) !== value)
    if (changes.length > 0) upsertSearchAttributes(changes)
  }

  async function runCommand(
    command: {
      commandId: string
      command: SubscriptionCommand
      cause: { by: string; why?: string }
      exhausted?: string
    },
    note = 'What was asked for could not be done.',
  ): Promise<CommandResult | undefined> {
    await clock.refresh()
    const result = await desk.attend(note, () =>
      stripe.runCommand({ ...subject, ...command, at: clock.now() }),
    )
    if (!result) return undefined
    const openBefore = cases.started()
    take(result.followed)
    for (const invoiceId of openBefore) await cases.tell(invoiceId)
    if (result.refundDue) await startRefund(input, clock, result.refundDue)
    return result
  }

  /** Every retry of a case has failed: its policy says what becomes of the subscription.
   *  @returns whether that is done; not when an operator has chosen to leave it. */
  async function endExhausted({ invoiceId, action }: NonNullable<Followed['exhausted']>): Promise<boolean> {
    const command: SubscriptionCommand =
      action === 'cancel' ? { kind: 'cancel', at: 'now' } : { kind: 'pause' }
    const wish = action === 'cancel' ? 'be ended' : 'be paused'
    const note = `Every retry of ${dunningWorkflowId(invoiceId)} has failed, and the subscription could not ${wish} as its policy says. \`skip\` leaves it past due, without access and further retries, until that invoice is paid or void.`
    for (let attempt = 1; !leftAlone.has(invoiceId); attempt += 1) {
      const result = await runCommand(
        {
          commandId: `exhausted/${invoiceId}/${attempt}`,
          command,
          cause: { by: 'quittance', why: 'Every scheduled retry has failed.' },
          exhausted: invoiceId,
        },
        note,
      )
      if (result && result.followed.exhausted?.invoiceId !== invoiceId) return true
      const refusal = result?.refusal?.detail ?? ''
      if (!result || (await desk.waitForPerson('end_refused', `${note} ${refusal}`)) === 'skip') {
        leftAlone.add(invoiceId)
        if (!patched('leave-exhausted')) return false
        await record.leaveExhausted({ ...subject, invoiceId })
        await look()
        return true
      }
    }
    return false
  }

  async function voidWhatIsOpen(invoiceIds: string[]): Promise<void> {
    const paidLate = await desk.attend('An invoice of the ended subscription could not be made void.', () =>
      stripe.voidInvoices({ ...subject, invoiceIds }),
    )
    for (const refund of paidLate ?? []) if (patched('late-money')) await startRefund(input, clock, refund)
  }

  /** A run of its own for each period that is paid for. What has not been looked at yet is looked at first. */
  function isTimeForNewRun(): boolean {
    if (wake.pending() || commands.pending()) return false
    const periodHasEnded = periodOfRun !== undefined && known?.currentPeriodEnd !== periodOfRun
    return (periodHasEnded && !seen?.owes) || workflowInfo().continueAsNewSuggested
  }

  async function startNewRun(): Promise<void> {
    // A command that comes while the others end is done by this run: its caller waits here.
    await condition(() => allHandlersFinished() || commands.pending())
    if (commands.pending()) return
    const carried = clock.input()
    await continueAsNew<typeof subscription>({
      ...input,
      seenEventIds: wake.seenEventIds(),
      startedCases: cases.started(),
      ...(announcedTrialEnd !== undefined && { announcedTrialEnd }),
      ...(carried && { clock: carried }),
      // While something is owed the new run looks for itself, and so knows it too.
      ...(known && !seen?.owes && { known }),
    })
  }
}
