/** Keeps a part running: one that dies is reported and started again, a little later each time. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningProcess } from './processes.ts'

export interface Supervision {
  /** Starts the part, on the same port each time, and resolves when it is ready. */
  start: () => Promise<RunningProcess>
  /** What the user is told. */
  report: (words: string) => void
  /** True once everything is being ended: what dies then stays dead. */
  isEnding: () => boolean
  firstPauseMs?: number
  /** A part that ran this long had recovered, so the next pause is short again. */
  steadyAfterMs?: number
}

const longestPauseMs = 30_000

/** Watches over a part that is running, until everything is being ended. */
export async function supervise(first: RunningProcess, supervision: Supervision): Promise<void> {
  const { start, report, isEnding, firstPauseMs = 500, steadyAfterMs = 60_000 } = supervision
  let part = first
  let pauseMs = firstPauseMs
  while (!isEnding()) {
    const startedAt = Date.now()
    const end = await part.exited
    if (isEnding()) return
    if (Date.now() - startedAt > steadyAfterMs) pauseMs = firstPauseMs
    report(`ended (${end}); starting it again in ${pauseMs / 1000} s`)

    let next: RunningProcess | undefined
    while (!next) {
      await sleep(pauseMs)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
      if (isEnding()) return
      next = await start().catch((error: Error) => {
        if (!isEnding()) report(`${error.message}\nTrying again in ${pauseMs / 1000} s`)
        return undefined
      })
    }
    report(`is back (process ${next.pid})`)
    part = next
  }
}
