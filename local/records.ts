/** Which processes a run has started, kept in files, so that they can be recognised and ended when the run is gone. */

import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

interface ProcessRecord {
  name: string
  pid: number
  /** Compared before anything is ended, because process ids are used again. */
  startedAt: string
  supervisor: number
  stopSignal: NodeJS.Signals
}

export async function record(
  stateDirectory: string,
  launched: { name: string; pid: number; stopSignal: NodeJS.Signals },
): Promise<void> {
  const startedAt = (await startOf(launched.pid)) ?? 'ended at once'
  const file = recordFile(stateDirectory, launched.name)
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(
    file,
    JSON.stringify({ ...launched, startedAt, supervisor: process.pid } satisfies ProcessRecord),
  )
}

/** Removes the record, unless a successor of that name has written its own in the meantime. */
export async function forget(stateDirectory: string, ended: { name: string; pid: number }): Promise<void> {
  const file = recordFile(stateDirectory, ended.name)
  if ((await readRecord(file))?.pid === ended.pid) await rm(file, { force: true })
}

/** Ends every recorded process whose supervisor is dead, or is the one given, and answers their names.
 *  @throws when one of them cannot be ended. */
export async function endOrphans(stateDirectory: string, supervisor?: number): Promise<string[]> {
  const directory = path.dirname(recordFile(stateDirectory, ''))
  const files = await readdir(directory).catch(() => [])
  const ended = await Promise.all(
    files.map(async (file) => {
      const found = await readRecord(path.join(directory, file))
      if (!found || (found.supervisor !== supervisor && isAlive(found.supervisor))) return undefined
      const wasRunning = await end(found)
      await forget(stateDirectory, found)
      return wasRunning ? found.name : undefined
    }),
  )
  return ended.filter((name) => name !== undefined)
}

async function end(orphan: ProcessRecord): Promise<boolean> {
  const isThere = async () => (await startOf(orphan.pid)) === orphan.startedAt
  if (!(await isThere())) return false
  for (const [signal, withinMs] of [
    [orphan.stopSignal, 10_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signalQuietly(orphan.pid, signal)
    const deadline = Date.now() + withinMs
    while (Date.now() < deadline) {
      if (!(await isThere())) return true
      await sleep(50)
    }
  }
  throw new Error(`${orphan.name} of an earlier run could not be ended: end process ${orphan.pid} yourself`)
}

/** When a process started, in the system's own words, or undefined when it is gone (or only waits to be collected). */
export async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The name, in parentheses, may hold anything; the state is the first field after it, the start the twentieth.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  }
  const answer = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined)
  return answer?.stdout.trim() || undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal, which is what was wanted.
  }
}

const recordFile = (stateDirectory: string, name: string): string =>
  path.join(stateDirectory, 'processes', `${name}.json`)

async function readRecord(file: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessRecord
  } catch {
    return undefined // Gone, or cut off by a crash: there is nothing to recognise a process by.
  }
}
