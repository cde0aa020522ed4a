import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBroken } from '../chaos/invariants.ts'
import { messageOf } from '../chaos/play.ts'
import { reconciled, settle } from '../chaos/rest.ts'
import { eventually } from '../support/eventually.ts'
import type { Product } from '../support/product.ts'
import { startLoad } from './load.ts'
import { complaintsIn } from './log-lines.ts'
import { measureNames, measures, type Sample } from './measures.ts'
import { createSampler } from './sampler.ts'
import type { SoakRun } from './verdicts.ts'

export interface SoakOptions {
  minutes: number
  seed: number
  perSecond: number
  /** Where the run's processes are recorded. */
  runDirectory: string
  say: (words: string) => void
}

const SAMPLE_EVERY_MS = 10_000
const SAY_EVERY = 6
/** Asking for every object by every project would take longer than the run. */
const READS_AT_MOST = 4_000
const SETTLES_WITHIN_MS = 120_000
const RECONCILED_WITHIN_MS = 600_000

/** Puts a product under a steady load for so long, lets it come to rest, and looks at all that it has left. */
export async function soak(product: Product, options: SoakOptions): Promise<SoakRun> {
  const { minutes, seed, perSecond, runDirectory, say } = options
  const load = await startLoad(product, options)
  const begunAt = new Date()
  const sampler = createSampler(product, load, runDirectory)
  const beginnings = await sampler.beginnings()
  const samples: SoakRun['samples'] = []
  const endsAt = begunAt.getTime() + minutes * 60_000

  for (let next = begunAt.getTime() + SAMPLE_EVERY_MS; next <= endsAt; next += SAMPLE_EVERY_MS) {
    await sleep(Math.max(0, next - Date.now()))
    try {
      const sample = await sampler.sample()
      samples.push({ at_s: (Date.now() - begunAt.getTime()) / 1_000, sample })
      if (samples.length % SAY_EVERY === 0) say(progress(samples.length / SAY_EVERY, sample))
    } catch (error) {
      load.flaws.push(`no sample could be taken: ${messageOf(error)}`)
    }
  }

  say('The load ends, and the projects are wound up')
  const counts = { ...load.counts }
  await load.stop()
  const { flaws } = load
  let settled: Sample | undefined
  /** Whatever one look comes to, the next is taken. */
  const look = async (what: string, find: () => Promise<string[]>) => {
    say(what)
    try {
      flaws.push(...(await find()))
    } catch (error) {
      flaws.push(`${what}, which failed: ${messageOf(error)}`)
    }
  }
  await look('Every queue becomes empty', async () => {
    await settle(product, [])
    settled = await eventually('every queue is empty', () => emptySample(sampler.sample), {
      within_ms: SETTLES_WITHIN_MS,
      every_ms: 1_000,
    })
    return []
  })
  await look('Stripe’s books are compared with ours', () => reconciled(product, RECONCILED_WITHIN_MS))
  await look('The invariants are checked', () =>
    findBroken(product, load.projects, { readsAtMost: READS_AT_MOST }),
  )
  return {
    begunAt: begunAt.toISOString(),
    minutes,
    seed,
    perSecond,
    projects: load.projects.length,
    counts,
    tally: Object.fromEntries(load.tally),
    samples,
    settled,
    answers: await sampler.answers(),
    deadlocks: await sampler.deadlocks(),
    wasRestarted: (await sampler.beginnings()) !== beginnings,
    complaints: await complaintsOf(product),
    flaws,
  }
}

async function emptySample(take: () => Promise<Sample>): Promise<Sample> {
  const sample = await take()
  const waiting = measureNames.filter((name) => measures[name].judgedAs === 'queue' && sample[name] > 0)
  if (waiting.length > 0) throw new Error(waiting.map((name) => `${name}: ${sample[name]}`).join(', '))
  return sample
}

async function complaintsOf({ logFiles }: Product) {
  const logs = logFiles.map(async (file) => {
    const name = path.basename(file, '.log').replace(/-\d+$/, '')
    return complaintsIn(name, await readFile(file, 'utf8'))
  })
  return (await Promise.all(logs)).flat()
}

function progress(minute: number, sample: Sample): string {
  const mib = (name: 'API: memory' | 'worker: memory') => `${sample[name].toFixed(0)} MiB`
  const waiting = measureNames
    .filter((name) => measures[name].judgedAs === 'queue' && name !== 'workflows that are open')
    .reduce((sum, name) => sum + sample[name], 0)
  return `minute ${minute}: ${sample['operations done'].toFixed(1)} operations a second of ${sample['operation, median'].toFixed(0)} ms; API ${mib('API: memory')}, worker ${mib('worker: memory')}; ${sample['workflows that are open']} workflows open, ${waiting} waiting in queues`
}
