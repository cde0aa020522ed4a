/** The processes of one run of the local stack.
 *
 *  Each leads a process group of its own, so that Ctrl-C in the terminal reaches only the supervisor, which then ends its
 *  parts in order. Each is recorded in a file, so that what a killed run left behind can be found and ended. */

import { spawn } from 'node:child_process'
import { closeSync, createWriteStream, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { forget, record } from './records.ts'

export interface Launch {
  /** Names the log, `logs/{name}.log`, and the record, `processes/{name}.json`. */
  name: string
  command: string
  args: string[]
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

const logLimitBytes = 20 * 1024 * 1024

export class Processes {
  readonly stateDirectory: string
  readonly #running = new Set<RunningProcess>()
  #closed = false

  constructor(stateDirectory: string) {
    this.stateDirectory = stateDirectory
  }

  async launch(options: Launch): Promise<RunningProcess> {
    const { name, stopSignal = 'SIGTERM', stopWithinMs = 10_000 } = options
    if (this.#closed) throw new Error(`${name} is not started, because everything is being ended`)
    const child = spawnWithLog(this.openLog(name), this.stateDirectory, options)
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
    })
    const { pid } = child
    if (pid === undefined) throw new Error(`${name} could not be started: ${await exited}`)

    const running: RunningProcess = {
      name,
      pid,
      exited,
      stop: async () => {
        child.kill(stopSignal) // Does nothing to one that has ended.
        const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
        await forgotten
        clearTimeout(late)
      },
      kill: () => void child.kill('SIGKILL'),
    }
    this.#running.add(running)
    const recorded = record(this.stateDirectory, { name, pid, stopSignal })
    const forgotten = (async () => {
      await Promise.all([recorded, exited])
      await forget(this.stateDirectory, { name, pid })
      this.#running.delete(running)
    })()
    await recorded
    return running
  }

  /** Waits until `check` is true.
   *  @throws when the process ends first or the time is up, with the last lines of its log. */
  async untilReady(running: RunningProcess, withinMs: number, check: () => Promise<boolean>): Promise<void> {
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
    const log = this.logFile(running.name)
    throw new Error(`${running.name} ${what}. The end of ${log}:\n${await this.lastLines(running.name, 12)}`)
  }

  /** Ends everything, those named in their order and then the rest; nothing can be launched afterwards. */
  async stopAll(order: string[] = []): Promise<void> {
    this.#closed = true
    for (const name of order)
      await Promise.all([...this.#running].filter((one) => one.name === name).map((one) => one.stop()))
    await Promise.all([...this.#running].map((one) => one.stop()))
  }

  killAll(): void {
    this.#closed = true
    for (const one of this.#running) one.kill()
  }

  logFile(name: string): string {
    return path.join(this.stateDirectory, 'logs', `${name}.log`)
  }

  async lastLines(name: string, count: number): Promise<string> {
    const text = await readFile(this.logFile(name), 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-count).join('\n')
  }

  private openLog(name: string): string {
    const file = this.logFile(name)
    mkdirSync(path.dirname(file), { recursive: true })
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    if (size > logLimitBytes) renameSync(file, `${file}.1`)
    return file
  }
}

function spawnWithLog(logFile: string, stateDirectory: string, options: Launch) {
  const { command, args, environment, workingDirectory = stateDirectory, user, onLine } = options
  // Without a listener the log is handed to the process, which then goes on writing whatever becomes of us.
  const log = onLine ? undefined : openSync(logFile, 'a')
  const child = spawn(command, args, {
    cwd: workingDirectory,
    env: environment ?? process.env,
    stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'],
    detached: true,
    ...user,
  })
  if (log !== undefined) closeSync(log)
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
  return child
}
