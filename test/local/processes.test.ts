import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Processes } from '../../local/processes.ts'
import { endOrphans, startOf } from '../../local/records.ts'
import { temporaryDirectory } from './fixtures/temporary-directory.ts'

const node = process.execPath
const sleeper = { command: 'sleep', args: ['60'] }
const deaf = `process.on('SIGTERM', () => {}); console.log('deaf'); setInterval(() => {}, 1000)`

function newProcesses(): Processes {
  const processes = new Processes(temporaryDirectory())
  onTestFinished(() => processes.stopAll())
  return processes
}

describe('a launched process', () => {
  it('writes to its log, and shows its lines to who listens', async () => {
    const processes = newProcesses()
    const lines: string[] = []
    const script = `console.log('one'); console.error('two')`
    const quiet = await processes.launch({ name: 'quiet', command: node, args: ['-e', script] })
    const heard = await processes.launch({
      name: 'heard',
      command: node,
      args: ['-e', script],
      onLine: (line) => lines.push(line),
    })
    expect(await quiet.exited).toBe('exit code 0')
    await heard.exited
    await vi.waitFor(() => expect(lines.toSorted()).toEqual(['one', 'two']))
    expect((await processes.lastLines('quiet', 5)).split('\n').toSorted()).toEqual(['one', 'two'])
    await vi.waitFor(() => expect(readFileSync(processes.logFile('heard'), 'utf8')).toContain('two'))
  })

  it('is ended by its signal, and killed when it does not listen', async () => {
    const processes = newProcesses()
    const polite = await processes.launch({ name: 'polite', ...sleeper })
    await polite.stop()
    expect(await polite.exited).toBe('signal SIGTERM')

    const heard = vi.fn<(line: string) => void>()
    const stubborn = await processes.launch({
      name: 'stubborn',
      command: node,
      args: ['-e', deaf],
      stopWithinMs: 200,
      onLine: heard,
    })
    await vi.waitFor(() => expect(heard).toHaveBeenCalled())
    await stubborn.stop()
    expect(await stubborn.exited).toBe('signal SIGKILL')
  })

  it('says why it cannot be started', async () => {
    const launched = newProcesses().launch({ name: 'nothing', command: '/does/not/exist', args: [] })
    await expect(launched).rejects.toThrow(/nothing could not be started: .*ENOENT/)
  })

  it('shows the end of its log when it dies before it is ready', async () => {
    const processes = newProcesses()
    const dying = await processes.launch({
      name: 'dying',
      command: node,
      args: ['-e', `console.error('the disk is full'); process.exit(3)`],
    })
    const ready = processes.untilReady(dying, 10_000, async () => false)
    await expect(ready).rejects.toThrow(/dying ended before it was ready \(exit code 3\)[^]*the disk is full/)
  })

  it('is ended when it is not ready in time', async () => {
    const processes = newProcesses()
    const slow = await processes.launch({ name: 'slow', ...sleeper })
    await expect(processes.untilReady(slow, 200, async () => false)).rejects.toThrow('not ready after 0.2 s')
    expect(await startOf(slow.pid)).toBeUndefined()
  })
})

describe('ending a run', () => {
  it('ends the parts in their order, then the rest, and launches nothing afterwards', async () => {
    const processes = newProcesses()
    const ended: string[] = []
    for (const name of ['database', 'unnamed', 'api']) {
      const running = await processes.launch({ name, ...sleeper })
      void running.exited.then(() => ended.push(name))
    }
    await processes.stopAll(['api', 'database'])
    expect(ended).toEqual(['api', 'database', 'unnamed'])
    await expect(processes.launch({ name: 'late', ...sleeper })).rejects.toThrow('everything is being ended')
  })

  it('forgets a process that has ended', async () => {
    const processes = newProcesses()
    const record = path.join(processes.stateDirectory, 'processes', 'part.json')
    const part = await processes.launch({ name: 'part', ...sleeper })
    expect(existsSync(record)).toBe(true)
    part.kill()
    await vi.waitFor(() => expect(existsSync(record)).toBe(false))
  })
})

describe('a supervisor that is killed', () => {
  it('is followed by its parts, which the guard ends', async () => {
    const { supervisor, part } = await startSupervisor(temporaryDirectory(), 'with guard')
    supervisor.kill('SIGKILL')
    await vi.waitFor(async () => expect(await startOf(part)).toBeUndefined(), { timeout: 10_000 })
  })

  it('leaves parts that the next run ends, and only those', async () => {
    const directory = temporaryDirectory()
    const { supervisor, part } = await startSupervisor(directory)
    expect(await endOrphans(directory)).toEqual([]) // Its supervisor lives.
    supervisor.kill('SIGKILL')
    await once(supervisor, 'exit')
    expect(await startOf(part)).toBeDefined()
    expect(await endOrphans(directory)).toEqual(['part'])
    expect(await startOf(part)).toBeUndefined()
    expect(await endOrphans(directory)).toEqual([])
  })
})

async function startSupervisor(
  directory: string,
  ...options: string[]
): Promise<{ supervisor: ChildProcess; part: number }> {
  const script = path.join(import.meta.dirname, 'fixtures', 'supervisor.ts')
  const supervisor = spawn(node, ['--import', 'tsx', script, directory, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void supervisor.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: supervisor.stdout }), 'line')) as [string]
  return { supervisor, part: Number(line) }
}
