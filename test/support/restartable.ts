import type { RunningProcess } from '../../local/processes.ts'

/** A process that a test may kill and bring back at the same address. */
export interface Restartable {
  /** SIGKILL: it has no chance to say goodbye. */
  kill(): Promise<void>
  /** The orderly end. */
  stop(): Promise<void>
  /** Resolves when it is ready. */
  start(): Promise<void>
}

export async function startRestartable(launch: () => Promise<RunningProcess>): Promise<Restartable> {
  let running = await launch()
  return {
    async kill() {
      running.kill()
      await running.exited
    },
    stop: () => running.stop(),
    async start() {
      running = await launch()
    },
  }
}
