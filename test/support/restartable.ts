import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningProcess } from '../../local/processes.ts'

/** A process that a test may kill and bring back at the same address. */
export interface Restartable {
  /** SIGKILL: it has no chance to say goodbye. */
  kill(): Promise<void>
  /** The orderly end. */
  stop(): Promise<void>
  /** Stands still for so long, and goes on as if nothing had been: what others have taken over meanwhile, it does as well. */
  freeze(lasts_ms: number): Promise<void>
  /** Resolves when it is ready. */
  start(): Promise<void>
  /** Starts it if it has ended. */
  ensure(): Promise<void>
}

export async function startRestartable(launch: () => Promise<RunningProcess>): Promise<Restartable> {
  let running: RunningProcess
  let hasEnded = true
  const start = async () => {
    const launched = (running = await launch())
    hasEnded = false
    const untilEnded = async () => {
      await launched.exited
      if (running === launched) hasEnded = true
    }
    void untilEnded()
  }
  await start()
  return {
    async kill() {
      running.kill()
      await running.exited
    },
    stop: () => running.stop(),
    async freeze(lasts_ms) {
      if (hasEnded) return
      process.kill(running.pid, 'SIGSTOP')
      await sleep(lasts_ms)
      process.kill(running.pid, 'SIGCONT')
    },
    start,
    async ensure() {
      if (hasEnded) await start()
    },
  }
}
