/** API and worker, as processes of this checkout. */

import path from 'node:path'
import { runBuilt } from './build.ts'
import type { Processes, RunningProcess } from './processes.ts'

const root = path.resolve(import.meta.dirname, '..')

/** Starts a TypeScript entry of this checkout and waits until its `/readyz` says yes. */
export async function startService(options: {
  name: string
  entry: string
  environment: Record<string, string | undefined>
  readyUrl: string
  processes: Processes
  say: (words: string) => void
  /** What it logs as an error. */
  onError: (words: string) => void
}): Promise<RunningProcess> {
  const { name, entry, environment, readyUrl, processes, say, onError } = options
  say('starting')
  const running = await processes.launch({
    name,
    command: process.execPath,
    args: await runBuilt(entry),
    environment,
    workingDirectory: root,
    stopWithinMs: 20_000,
    onLine: errorsOnly(onError),
  })
  await processes.untilReady(running, 120_000, () => saysYes(readyUrl))
  return running
}

async function saysYes(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return answer.ok
  } catch {
    return false
  }
}

const errorLevel = 50 // Of pino.
const quietMs = 10_000

/** Picks the errors out of structured logs, each at most once in a while: one cause may fail a thousand times. */
function errorsOnly(tell: (words: string) => void): (line: string) => void {
  const toldAt = new Map<string, number>()
  return (line) => {
    const error = errorIn(line)
    if (!error || Date.now() - (toldAt.get(error) ?? 0) < quietMs) return
    if (toldAt.size > 100) toldAt.clear()
    toldAt.set(error, Date.now())
    tell(error)
  }
}

/** A line that is no JSON comes from the runtime itself, such as an uncaught exception. */
function errorIn(line: string): string | undefined {
  try {
    const entry = JSON.parse(line) as { level?: number; msg?: string; error?: { message?: string } }
    if ((entry.level ?? 0) < errorLevel) return undefined
    return [entry.msg, entry.error?.message].filter(Boolean).join(': ')
  } catch {
    return /error|exception|fatal/i.test(line) ? line.trim() : undefined
  }
}
