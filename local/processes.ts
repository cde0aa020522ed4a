/** Starts, records and ends the processes of the local stack.
 *
 *  Each process leads a process group of its own, so that Ctrl-C in the terminal reaches only the supervisor, which then
 *  ends its parts in order. Each is recorded in a file, so that a later run can end what a killed one left behind. */

import { execFile, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, openSync, closeSync, rmSync, statSync, renameSync } from 'node:fs'
import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

export interface Launch {
  /** Names the log and the record: `logs/{name}.log` and `processes/{name}.json` in the state directory. */
  name: string
  command: string
  args: string[]
  stateDirectory: string
  environment?: Record<string, string | undefined>
  workingDirectory?: string
  user?: { uid: number; gid: number }
  stopSignal?: NodeJS.Signals
  /** How long an orderly end may take before the process is killed. */
  stopWithinMs?: number
  /** Sees each line of output, which goes to the log as well. */
  onLine?: (line: string) => void
}

export interface RunningProcess {
  name: string
  pid: number
  /** Resolves once, with how the process ended in words. */
  exited: Promise<string>
  stop(): Promise<void>
  kill(): void
}

/** What it takes to recognise and end a process after its supervisor is gone. */
interface ProcessRecord {
  name: string
  pid: number
  /** When the process started. Compared before anything is ended, because process ids are used again. */
  startedAt: string
  supervisor: number
  stopSignal: NodeJS.Signals
}

const logLimitBytes = 20 * 1024 * 1024

export async function launch(options: Launch): Promise<RunningProcess> {
  const { name, stateDirectory, stopSignal = 'SIGTERM', stopWithinMs = 10_000, onLine } = options
  const logFile = openLog(stateDirectory, name)
  const log = onLine ? undefined : openSync(logFile, 'a')
  const child = spawn(options.command, options.args, {
    cwd: options.workingDirectory ?? stateDirectory,
    env: options.environment ?? process.env,
    stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'],
    detached: true,
    ...options.user,
  })
  if (log !== undefined) closeSync(log)

  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${name} could not be started: ${await exited}`)

  if (onLine) {
    const copy = createWriteStream(logFile, { flags: 'a' })
    for (const output of [child.stdout, child.stderr])
      if (output)
        createInterface({ input: output }).on('line', (line) => {
          copy.write(`${line}\n`)
          onLine(line)
        })
    child.once('close', () => copy.end())
  }

  const recordFile = path.join(recordsDirectory(stateDirectory), `${name}.json`)
  const startedAt = (await startOf(pid)) ?? 'ended at once'
  const record: ProcessRecord = { name, pid, startedAt, supervisor: process.pid, stopSignal }
  await writeFile(recordFile, JSON.stringify(record))
  void exited.then(() => rmSync(recordFile, { force: true }))

  let ended = false
  void exited.then(() => (ended = true))
  return {
    name,
    pid,
    exited,
    async stop() {
      if (ended) return
      child.kill(stopSignal)
      const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
      await exited
      clearTimeout(late)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Waits until `check` is true.
 *  @throws when the process ends first or the time is up, with the last lines of its log. */
export async function untilReady(
  running: RunningProcess,
  stateDirectory: string,
  withinMs: number,
  check: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + withinMs
  let what = `was not ready after ${withinMs / 1000} s`
  while (Date.now() < deadline) {
    if (await check()) return
    const end = await Promise.race([running.exited, sleep(100)])
    if (end === undefined) continue
    what = `ended before it was ready (${end})`
    break
  }
  await running.stop()
  const log = logFileOf(stateDirectory, running.name)
  throw new Error(`${running.name} ${what}. The end of ${log}:\n${await lastLines(log, 12)}`)
}

/** Ends every recorded process whose supervisor is dead, or is the one given, and answers their names. */
export async function endOrphans(stateDirectory: string, supervisor?: number): Promise<string[]> {
  const directory = recordsDirectory(stateDirectory)
  const files = await readdir(directory).catch(() => [])
  const ended = await Promise.all(
    files.map(async (file) => {
      const record = await readRecord(path.join(directory, file))
      if (!record || (record.supervisor !== supervisor && isAlive(record.supervisor))) return undefined
      const wasRunning = await endRecorded(record)
      // A new run may have written its own record under this name in the meantime.
      const current = await readRecord(path.join(directory, file))
      if (current?.pid === record.pid) await rm(path.join(directory, file), { force: true })
      return wasRunning ? record.name : undefined
    }),
  )
  return ended.filter((name) => name !== undefined)
}

async function endRecorded(record: ProcessRecord): Promise<boolean> {
  const isIt = async () => (await startOf(record.pid)) === record.startedAt
  if (!(await isIt())) return false
  for (const [signal, withinMs] of [
    [record.stopSignal, 10_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signalQuietly(record.pid, signal)
    const deadline = Date.now() + withinMs
    while (Date.now() < deadline) {
      if (!(await isIt())) return true
      await sleep(50)
    }
  }
  throw new Error(
    `${record.name}, left by an earlier run, could not be ended: end process ${record.pid} yourself`,
  )
}

/** When a process started, in the words of the system, or undefined when it is gone (or only waits to be collected). */
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

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export async function lastLines(file: string, count: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-count).join('\n')
}

export const logFileOf = (stateDirectory: string, name: string): string =>
  path.join(stateDirectory, 'logs', `${name}.log`)

function openLog(stateDirectory: string, name: string): string {
  const file = logFileOf(stateDirectory, name)
  mkdirSync(path.dirname(file), { recursive: true })
  mkdirSync(recordsDirectory(stateDirectory), { recursive: true })
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size > logLimitBytes) renameSync(file, `${file}.1`)
  return file
}

const recordsDirectory = (stateDirectory: string): string => path.join(stateDirectory, 'processes')

async function readRecord(file: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessRecord
  } catch {
    return undefined // Gone, or cut off by a crash: there is nothing to recognise a process by.
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal, which is what was wanted.
  }
}
