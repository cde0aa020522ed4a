import { setTimeout as sleep } from 'node:timers/promises'
import { heartbeat } from '@temporalio/activity'
import { inProject, type Transaction } from '../db/client.ts'
import {
  countUnhandledTestEvents,
  earliestDeadline,
  forgetDeadlines,
  listDue,
  listToldSince,
  listUnsettled,
  readTestClock,
  reportDeadline,
  shortestInterval,
  updateTestClock,
} from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { ClockId, ProjectId } from '../domain/ids.ts'
import { nextClockTime } from '../domain/test-clock.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'

export interface ClockSubject {
  projectId: ProjectId
  clockId: ClockId
}

export interface ClockView {
  frozenTime: number
  targetTime: number
  status: 'ready' | 'advancing'
}

/** Makes the clock at Stripe, once. */
export function createOpenTestClock({ database, provider, now }: ActivityDependencies) {
  return async function openTestClock({ projectId, clockId }: ClockSubject): Promise<ClockView> {
    const row = await inProject(database, projectId, (transaction) =>
      readTestClock(transaction, projectId, clockId),
    )
    if (row.stripeTestClockId === null) {
      const stripeTestClockId = await runEffect({
        database,
        effect: { projectId, intent: `${clockId}/create` },
        now: now(),
        lookUp: () => provider.findTestClock(clockId),
        call: (key) => provider.createTestClock({ clockId, frozenTime: row.frozenTime.getTime() }, key),
      })
      await inProject(database, projectId, (transaction) =>
        updateTestClock(transaction, row, { stripeTestClockId }),
      )
    }
    return {
      frozenTime: row.frozenTime.getTime(),
      targetTime: row.targetTime.getTime(),
      status: row.status,
    }
  }
}

/** Remembers where the clock is to go, before it goes; and that it has come to rest. */
export function createSetTestClock({ database }: ActivityDependencies) {
  return async function setTestClock({
    projectId,
    clockId,
    ...columns
  }: ClockSubject & { targetTime?: number; status: 'ready' | 'advancing' }): Promise<void> {
    const { targetTime, status } = columns
    await inProject(database, projectId, (transaction) =>
      updateTestClock(
        transaction,
        { projectId, clockId },
        { status, ...(targetTime !== undefined && { targetTime: new Date(targetTime) }) },
      ),
    )
  }
}

export interface DeadlineReport extends ClockSubject {
  workflowId: string
  /** When it wants to be woken; never, when left out. */
  nextAt?: number
  settledAt: number
}

/** 9999-12-31: waits for a person, not for a time. */
const NEVER = 253_402_214_400_000

/** What a workflow on a test clock tells when it goes to sleep, in place of a timer.
 *  @returns what time it is on the clock: it may have moved meanwhile. */
export function createReportDeadline({ database }: ActivityDependencies) {
  return function reportClockDeadline(report: DeadlineReport): Promise<number> {
    const { projectId, clockId, workflowId, nextAt = NEVER, settledAt } = report
    return inProject(database, projectId, async (transaction) => {
      await reportDeadline(transaction, {
        projectId,
        clockId,
        workflowId,
        nextAt: new Date(nextAt),
        settledAt: new Date(settledAt),
      })
      return (await readTestClock(transaction, projectId, clockId)).frozenTime.getTime()
    })
  }
}

/** A workflow on a test clock has ended: the clock must not wait for it. */
export function createForgetDeadline({ database }: ActivityDependencies) {
  return function forgetClockDeadline({
    projectId,
    workflowId,
  }: {
    projectId: ProjectId
    workflowId: string
  }): Promise<void> {
    return inProject(database, projectId, (transaction) =>
      forgetDeadlines(transaction, projectId, [workflowId]),
    )
  }
}

/** How long one call plays before it lets the workflow see how far it has come. */
const PLAY_MS = 20_000
/** How long workflows may take to do what one tick makes due. */
const SETTLE_MS = 120_000
/** After how long a workflow that has not settled is told the time once more; then twice as long, and so on. */
const TICK_AGAIN_MS = 1_000
/** How long events may take to be told to their workflows. */
const INBOX_MS = 10_000
/** Well within the heartbeat timeout of `workflows/proxies.ts`. */
const HEARTBEAT_INTERVAL_MS = 2_500
/** How many of the workflows that a clock waits for are named. */
const NAMED = 5

/** A clock that is being played, and what operators see of it as the heartbeat: where it stands and for whom it waits. */
interface PlayedClock extends ClockSubject {
  show: (at: number, waitingFor: string[]) => void
}

/** Plays the clock towards its target, deadline by deadline: Stripe goes first and does what is due there, then the workflows
 *  whose deadline has come are told the time and waited for. So one jump over a month shows the same life as thirty days. */
export function createPlayTestClock({ database, provider, ticker }: ActivityDependencies) {
  return async function playTestClock(
    input: ClockSubject & { targetTime: number; since: number },
  ): Promise<{ frozenTime: number; settled: boolean }> {
    const { projectId, clockId, ...goal } = input
    let beat = () => heartbeat()
    const beating = setInterval(() => beat(), HEARTBEAT_INTERVAL_MS)
    const show = (at: number, waitingFor: string[]) => {
      beat = () => heartbeat({ at: new Date(at).toISOString(), waitingFor })
      beat()
    }
    try {
      return await play({ projectId, clockId, show }, goal)
    } finally {
      clearInterval(beating)
    }
  }

  async function play(
    clock: PlayedClock,
    { targetTime, since }: { targetTime: number; since: number },
  ): Promise<{ frozenTime: number; settled: boolean }> {
    const { projectId } = clock
    const started = Date.now()
    let at = await read(clock)
    for (;;) {
      await settle(clock, at, () => dueWorkflows(clock, at))
      if (at >= targetTime) break
      if (Date.now() - started > PLAY_MS) return { frozenTime: at, settled: false }
      at = await step(clock, at, targetTime)
    }
    // Stripe may have told of things that are nobody's deadline.
    await inboxIsEmpty(projectId)
    const told = await inTenant(projectId, (transaction) =>
      listToldSince(transaction, clock, new Date(since)),
    )
    let once = told
    await settle(clock, at, async () => {
      const due = await dueWorkflows(clock, at)
      const all = [...new Set([...once, ...due])]
      once = []
      return all
    })
    return { frozenTime: at, settled: true }
  }

  async function read({ projectId, clockId }: ClockSubject): Promise<number> {
    const row = await inTenant(projectId, (transaction) => readTestClock(transaction, projectId, clockId))
    return row.frozenTime.getTime()
  }

  /** Moves Stripe's clock, then ours, to the next time at which something is due. */
  async function step(clock: PlayedClock, at: number, targetTime: number): Promise<number> {
    const { projectId, clockId, show } = clock
    const { row, deadline, interval } = await inTenant(projectId, async (transaction) => ({
      row: await readTestClock(transaction, projectId, clockId),
      deadline: await earliestDeadline(transaction, clock),
      interval: await shortestInterval(transaction, clock),
    }))
    if (row.stripeTestClockId === null) throw new Error(`test clock ${clockId} is not at Stripe yet`)
    const to = nextClockTime({ at, targetTime, deadline: deadline?.getTime(), interval })
    await provider.advanceTestClock({
      providerClockId: row.stripeTestClockId,
      to,
      onProgress: () => show(at, ['Stripe']),
    })
    await inTenant(projectId, (transaction) =>
      updateTestClock(transaction, clock, { frozenTime: new Date(to) }),
    )
    return to
  }

  function dueWorkflows({ projectId, clockId }: ClockSubject, at: number): Promise<string[]> {
    return inTenant(projectId, (transaction) => listDue(transaction, { projectId, clockId }, new Date(at)))
  }

  /** Tells the time to workflows until none of them has anything left to do at it. */
  async function settle(
    clock: PlayedClock,
    at: number,
    listWorkflows: () => Promise<string[]>,
  ): Promise<void> {
    const until = Date.now() + SETTLE_MS
    for (;;) {
      const due = await listWorkflows()
      if (due.length === 0) return
      await Promise.all(due.map((workflowId) => tick(clock, workflowId, at, until)))
      await haveSettled(clock, due, { at, until })
    }
  }

  async function tick(clock: ClockSubject, workflowId: string, at: number, until: number): Promise<void> {
    // One that was announced a moment ago may not have been started yet.
    const startedBy = Math.min(until, Date.now() + 10_000)
    while (!(await ticker.tick(workflowId, at))) {
      if (Date.now() > startedBy) {
        // It has ended, or somebody ended it: it waits for nothing any more.
        await inTenant(clock.projectId, (transaction) =>
          forgetDeadlines(transaction, clock.projectId, [workflowId]),
        )
        return
      }
      await sleep(100)
    }
  }

  async function haveSettled(
    { projectId, clockId, show }: PlayedClock,
    workflowIds: string[],
    { at, until }: { at: number; until: number },
  ): Promise<void> {
    let patience = TICK_AGAIN_MS
    let tickAgainAt = Date.now() + patience
    for (let round = 0; ; round += 1) {
      const waiting = await inTenant(projectId, (transaction) =>
        listUnsettled(transaction, { projectId, clockId }, workflowIds, new Date(at)),
      )
      if (waiting.length === 0) return
      show(at, waiting.slice(0, NAMED))
      if (Date.now() > until)
        throw new BillingError('outcome_pending', {
          detail: `The clock waits for ${waiting.slice(0, NAMED).join(', ')}${waiting.length > NAMED ? ` and ${waiting.length - NAMED} more` : ''}. Open the first: what it waits for is under Pending Activities.`,
        })
      // One that had settled may be due again, because somebody else has written something that it must see.
      if (Date.now() > tickAgainAt) {
        await Promise.all(waiting.map((workflowId) => tick({ projectId, clockId }, workflowId, at, until)))
        patience *= 2
        tickAgainAt = Date.now() + patience
      }
      await sleep(Math.min(10 * 2 ** round, 100))
    }
  }

  /** Waits until what has been received is told. Bounded: an event that cannot be told must not stop every clock. */
  async function inboxIsEmpty(projectId: ProjectId): Promise<void> {
    const received = new Date()
    const until = Date.now() + INBOX_MS
    while (Date.now() < until) {
      const unhandled = await inTenant(projectId, (transaction) =>
        countUnhandledTestEvents(transaction, received),
      )
      if (unhandled === 0) return
      await sleep(20)
    }
  }

  function inTenant<Result>(
    projectId: ProjectId,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    return inProject(database, projectId, work)
  }
}
