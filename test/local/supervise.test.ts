import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import type { RunningProcess } from '../../local/processes.ts'
import { supervise } from '../../local/supervise.ts'

interface FakePart extends RunningProcess {
  die: (how: string) => void
}

function fakePart(pid: number): FakePart {
  let die: (how: string) => void = () => {}
  const exited = new Promise<string>((resolve) => {
    die = resolve
  })
  return { name: 'part', pid, exited, die, stop: async () => die('stopped'), kill: () => die('killed') }
}

describe('a supervised part', () => {
  it('is reported and started again when it dies, later each time', async () => {
    const said: string[] = []
    const parts = [fakePart(1), fakePart(2), fakePart(3)] as const
    const start = vi.fn<() => Promise<RunningProcess>>()
    start.mockResolvedValueOnce(parts[1]).mockResolvedValueOnce(parts[2])
    void supervise(parts[0], {
      start,
      report: (words) => said.push(words),
      isEnding: () => false,
      firstPauseMs: 20,
    })

    parts[0].die('signal SIGKILL')
    await vi.waitFor(() => expect(said.at(-1)).toBe('is back (process 2)'))
    parts[1].die('exit code 1')
    await vi.waitFor(() => expect(said.at(-1)).toBe('is back (process 3)'))
    expect(said).toEqual([
      'ended (signal SIGKILL); starting it again in 0.02 s',
      'is back (process 2)',
      'ended (exit code 1); starting it again in 0.04 s',
      'is back (process 3)',
    ])
  })

  it('is tried again and again when it does not start', async () => {
    const said: string[] = []
    const [first, second] = [fakePart(1), fakePart(2)]
    const start = vi.fn<() => Promise<RunningProcess>>().mockResolvedValue(second)
    start.mockRejectedValueOnce(new Error('the port is taken'))
    void supervise(first, {
      start,
      report: (words) => said.push(words),
      isEnding: () => false,
      firstPauseMs: 20,
    })

    first.die('exit code 1')
    await vi.waitFor(() => expect(said).toHaveLength(3))
    expect(said).toEqual([
      'ended (exit code 1); starting it again in 0.02 s',
      'the port is taken\nTrying again in 0.04 s',
      'is back (process 2)',
    ])
  })

  it('starts with a short pause again after it ran steadily', async () => {
    const said: string[] = []
    const parts = [fakePart(1), fakePart(2), fakePart(3)] as const
    const start = vi.fn<() => Promise<RunningProcess>>()
    start.mockResolvedValueOnce(parts[1]).mockResolvedValueOnce(parts[2])
    void supervise(parts[0], {
      start,
      report: (words) => said.push(words),
      isEnding: () => false,
      firstPauseMs: 20,
      steadyAfterMs: 50,
    })

    parts[0].die('exit code 1')
    await vi.waitFor(() => expect(said.at(-1)).toBe('is back (process 2)'))
    await sleep(100)
    parts[1].die('exit code 1')
    await vi.waitFor(() => expect(said.at(-1)).toBe('is back (process 3)'))
    expect(said.at(-2)).toBe('ended (exit code 1); starting it again in 0.02 s')
  })

  it('stays dead once everything is being ended', async () => {
    const part = fakePart(1)
    const start = vi.fn<() => Promise<RunningProcess>>()
    const report = vi.fn<(words: string) => void>()
    const over = supervise(part, { start, report, isEnding: () => true })
    part.die('exit code 0')
    await over
    expect(start).not.toHaveBeenCalled()
    expect(report).not.toHaveBeenCalled()
  })
})
