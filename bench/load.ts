import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from './statistics.ts'

export interface Load {
  count: number
  /** As many slots do the work side by side, each one after the other. */
  atOnce: number
  /** How long a slot rests after each, so that what follows from the last one is over when the next begins. */
  pause_ms?: number
}

export interface Measured {
  latencies_ms: number[]
  perSecond: number
}

/** Does the work so many times.
 *  @param work gets its number and its slot; it may answer milliseconds of its own where not all of it counts */
export async function load(
  { count, atOnce, pause_ms = 0 }: Load,
  work: (index: number, slot: number) => Promise<number | void>,
): Promise<Measured> {
  const latencies_ms: number[] = []
  const startedAt = performance.now()
  let next = 0
  const runSlot = async (slot: number) => {
    while (next < count) {
      const index = next
      next += 1
      const workStartedAt = performance.now()
      const own_ms = await work(index, slot)
      latencies_ms.push(own_ms ?? performance.now() - workStartedAt)
      if (pause_ms > 0) await sleep(pause_ms)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, slot) => runSlot(slot)))
  return { latencies_ms, perSecond: (count / (performance.now() - startedAt)) * 1000 }
}

/** The percentiles of a load as figures of a sample: `prefix p50`, `prefix p95`, `prefix p99`. */
export function percentilesOf({ latencies_ms }: Measured, prefix: string): Record<string, number> {
  return Object.fromEntries(
    [50, 95, 99].map((rank) => [`${prefix} p${rank}`, percentile(latencies_ms, rank / 100)]),
  )
}
