import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { type Connections, inProject } from '../db/client.ts'
import {
  type ClaimedNotice,
  claimDueNotices,
  markNoticeSent,
  measureNotices,
  NOTICES_CHANNEL,
  postponeNotice,
  readAddressee,
  refuseNotice,
  skipNotice,
} from '../db/notices.ts'
import type { SkippedReason } from '../db/schema/notices.ts'
import { type Mailer, MailRefused } from '../domain/mailer.ts'
import { composeNotice } from '../domain/notices.ts'
import { describeTrouble } from './describe.ts'
import { noticeFailures, noticesSent, noticesSkipped, noticesUnsent, oldestNoticeUnsent } from './metrics.ts'
import { listenTo } from './listen-to.ts'
import { backOff, createWakeUp, waitForEnd } from './wake-up.ts'

/** Sends notices as mails: claims what is unsent, sends it, marks it. Any number of processes may do so side by side.
 *
 *  A mail is sent before it is marked. So one whose answer was lost, or whose process died, is sent again when its lease is
 *  over; its message id is the same, by which mail programs show it once. */
export interface MailRelay {
  /** Ends after the mails that are on their way. */
  stop(): Promise<void>
}

export interface MailRelayOptions {
  connections: Pick<Connections, 'application' | 'system' | 'systemClient'>
  mailer: Mailer
  logger: Logger
  /** How often it looks without having been woken. */
  interval_ms?: number
  /** Sent at once; a mailer must be done with them within the lease. */
  batch?: number
  lease_s?: number
}

/** A recipient that is refused may be back (a full mailbox, a list that is mended), so it is tried a few times over an hour. */
const MAX_REFUSALS = 3
/** After that, "we will try again tomorrow" is no longer so. */
const TOO_LATE_S = 3 * 24 * 3_600
/** How long `stop` waits for the mail server before it leaves the batch to whoever takes over. */
const STOP_LIMIT_MS = 5_000
const MEASURE_INTERVAL_MS = 10_000
const COMPLAINT_INTERVAL_MS = 60_000

export function startMailRelay(options: MailRelayOptions): MailRelay {
  const { connections, mailer, logger, interval_ms = 5_000, batch = 10, lease_s = 90 } = options
  const { application, system } = connections
  const wakeUp = createWakeUp()
  let stopping = false
  let failuresInARow = 0
  let measuredAt = 0
  let complainedAt = 0

  const listening = listenTo(NOTICES_CHANNEL, wakeUp.call, connections)
  listening.started.catch((error: unknown) =>
    logger.warn({ reason: describeTrouble(error) }, 'mail relay cannot listen yet'),
  )
  const loop = run()

  return {
    async stop() {
      stopping = true
      wakeUp.call()
      await waitForEnd(loop, STOP_LIMIT_MS)
      void listening.stop()
    },
  }

  async function run(): Promise<void> {
    while (!stopping) {
      const more = await round()
      if (more) continue
      if (failuresInARow === 0) await wakeUp.sleep(interval_ms)
      else await pause(backOff(failuresInARow, { first_ms: interval_ms, longest_ms: 60_000 }))
    }
  }

  /** @returns whether there may be more to do at once. */
  async function round(): Promise<boolean> {
    try {
      await measure()
      const claimed = await claimDueNotices(system, { limit: batch, lease_s })
      // One that fails must not be taken for the end of the others, which are still on their way.
      const outcomes = await Promise.allSettled(claimed.map(work))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      const reached = outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value !== 'failed')
      // Each failure puts its notice off by itself; a round of nothing else means that the mail server is away.
      failuresInARow = claimed.length > 0 && !reached ? failuresInARow + 1 : 0
      return claimed.length === batch && reached
    } catch (error) {
      failuresInARow += 1
      complain(describeTrouble(error))
      return false
    }
  }

  async function work(notice: ClaimedNotice): Promise<'done' | 'failed'> {
    if (notice.age_s > TOO_LATE_S) return skip(notice, 'too_late')
    const { email, projectName } = await inProject(application, notice.projectId, (transaction) =>
      readAddressee(transaction, notice),
    )
    if (!email) return skip(notice, 'no_address')
    try {
      await mailer.send({
        ...composeNotice(notice.data, projectName),
        senderName: projectName,
        to: email,
        messageId: messageIdOf(notice),
      })
    } catch (error) {
      noticeFailures.inc()
      const reason = describeTrouble(error)
      if (error instanceof MailRefused) return refuse(notice, reason)
      complain(reason)
      await postponeNotice(system, notice, reason)
      return 'failed'
    }
    await markNoticeSent(system, notice)
    noticesSent.inc()
    return 'done'
  }

  async function refuse(notice: ClaimedNotice, reason: string): Promise<'done'> {
    const givenUp = await refuseNotice(system, notice, { lastError: reason, limit: MAX_REFUSALS })
    if (givenUp) noticesSkipped.inc({ reason: 'refused' })
    const { projectId, noticeId } = notice
    logger.warn(
      { projectId, noticeId, reason },
      givenUp ? 'a mail is refused again and given up' : 'a mail is refused and will be tried again',
    )
    return 'done'
  }

  async function skip(notice: ClaimedNotice, reason: SkippedReason): Promise<'done'> {
    await skipNotice(system, notice, reason)
    noticesSkipped.inc({ reason })
    return 'done'
  }

  async function measure(): Promise<void> {
    if (Date.now() - measuredAt < MEASURE_INTERVAL_MS) return
    measuredAt = Date.now()
    const { unsent, oldestAge_s } = await measureNotices(system)
    noticesUnsent.set(unsent)
    oldestNoticeUnsent.set(oldestAge_s)
  }

  function complain(reason: string): void {
    if (Date.now() - complainedAt < COMPLAINT_INTERVAL_MS) return
    complainedAt = Date.now()
    logger.warn({ reason }, 'mail relay cannot send and tries on; notices wait')
  }

  /** Unlike sleep, a commit does not end it: only time or the end of the process. */
  async function pause(wait_ms: number): Promise<void> {
    const until = Date.now() + wait_ms
    while (!stopping && Date.now() < until) await wakeUp.sleep(until - Date.now())
  }
}

/** Two projects may use the same words for a notice, so the project counts as well. */
function messageIdOf({ projectId, noticeId }: ClaimedNotice): string {
  return createHash('sha256')
    .update(JSON.stringify([projectId, noticeId]))
    .digest('hex')
    .slice(0, 40)
}
