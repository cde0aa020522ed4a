import { CancellationScope, condition, setHandler, sleep, workflowInfo } from '@temporalio/workflow'
import type { ClockId, ProjectId } from '../domain/ids.ts'
import { clockTicked } from './messages.ts'
import { record } from './proxies.ts'

/** The only place where a workflow asks for the time. Milliseconds since 1970, the same in every replay: it is the time of
 *  the workflow task, so it stands still while code runs. */
export function now(): number {
  return Date.now()
}

/** The test clock that a workflow hangs on, and what time it was there when the run began. */
export interface ClockInput {
  clockId: ClockId
  now: number
}

export interface Clock {
  now(): number
  /** Sleeps until the deadline (never, when `undefined`), or until something has woken the workflow. The summary is what
   *  operators read at its timer. */
  rest(deadline: number | undefined, isWoken: () => boolean, summary: string): Promise<void>
  /** Asks what time it is: a test clock may have moved while the workflow slept. */
  refresh(): Promise<void>
  /** A look at the rows has told the time. */
  set(now: number | undefined): void
  /** Carried over continue-as-new. */
  input(): ClockInput | undefined
  /** The workflow ends: nobody waits for it any more. */
  leave(): Promise<void>
}

/** Live mode: Temporal's own time and timers. A timer is kept as long as its deadline stays, however often the workflow is
 *  woken before: arming it again would cost two events each time. */
export function temporalClock(): Clock {
  let timer: { deadline: number; scope: CancellationScope; rang: boolean } | undefined
  return {
    now,
    async rest(deadline, isWoken, summary) {
      if (deadline === undefined) {
        await condition(isWoken)
        return
      }
      if (deadline <= now()) return
      if (timer?.deadline !== deadline || timer.rang) {
        timer?.scope.cancel()
        timer = startTimer(deadline, summary)
      }
      const armed = timer
      await condition(() => isWoken() || armed.rang)
    },
    refresh: () => Promise.resolve(),
    set: () => {},
    input: () => undefined,
    leave: () => Promise.resolve(),
  }
}

function startTimer(deadline: number, summary: string) {
  const timer = { deadline, scope: new CancellationScope(), rang: false }
  void timer.scope
    .run(async () => {
      await sleep(deadline - now(), { summary })
      timer.rang = true
    })
    // Canceled, because the deadline has moved: nobody waits for it.
    .catch(() => {})
  return timer
}

/** Test mode: time stands still until somebody moves the clock. Instead of starting a timer the workflow writes down what it
 *  waits for, and is told when that has come. */
export function testClock(projectId: ProjectId, { clockId, now: startedAt }: ClockInput): Clock {
  const { workflowId } = workflowInfo()
  let time = startedAt
  let ticks = 0
  const set = (at: number | undefined) => {
    time = Math.max(time, at ?? 0)
  }
  setHandler(clockTicked, ({ now: at }) => {
    ticks += 1
    set(at)
  })
  const report = async (nextAt: number | undefined) =>
    set(
      await record.reportClockDeadline({
        projectId,
        clockId,
        workflowId,
        settledAt: time,
        ...(nextAt !== undefined && { nextAt }),
      }),
    )
  return {
    now: () => time,
    async rest(deadline, isWoken) {
      const isDue = () => deadline !== undefined && deadline <= time
      while (!isWoken() && !isDue()) {
        const told = ticks
        const settledAt = time
        await report(deadline)
        // It has moved since the last tick: this must be known as done, too, before the clock may go on.
        if (time !== settledAt) continue
        await condition(() => isWoken() || ticks !== told)
      }
    },
    // Due at once: the clock must not go on while there is something to do.
    refresh: () => report(time),
    set,
    input: () => ({ clockId, now: time }),
    leave: () => record.forgetClockDeadline({ projectId, workflowId }),
  }
}

export function clockOf(projectId: ProjectId, input: ClockInput | undefined): Clock {
  return input ? testClock(projectId, input) : temporalClock()
}

/** `2026-03-14 09:30 UTC`, for people. */
export function describeTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
