/** `npm run chaos -- --seeds N [--seed FIRST] [--at-once RUNS] [--schedule FILE] [--shrink TRIES] [--record]`: plays fault runs on
 *  processes, ports and data of its own, and checks the invariants I1 to I10 after each. Ends with one line that says how many
 *  passed and failed. A run waits more than it works: two at once for each core are none too many. */

import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ensureWorkflowBundle } from '../local/workflow-bundle.ts'
import { startGuard } from '../local/guard.ts'
import type { Outcome } from '../test/chaos/play.ts'
import { type ChaosRecord, keepRecord } from '../test/chaos/record.ts'
import { createRunner, type Runner } from '../test/chaos/run.ts'
import { describe, makeSchedule, type Schedule } from '../test/chaos/schedule.ts'
import { shrink } from '../test/chaos/shrink.ts'

const root = path.resolve(import.meta.dirname, '..')
const kept = path.join(root, '.quittance', 'chaos')

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '1' },
    schedule: { type: 'string' },
    shrink: { type: 'string', default: '12' },
    record: { type: 'boolean', default: false },
  },
})
const seeds = wholeNumber('seeds')
const first = wholeNumber('seed')
const tries = wholeNumber('shrink')
const atOnce = Math.max(wholeNumber('at-once'), 1)
const schedules: Schedule[] =
  values.schedule === undefined
    ? Array.from({ length: seeds }, (_, index) => makeSchedule(first + index))
    : [JSON.parse(await readFile(values.schedule, 'utf8')) as Schedule]

const runDirectory = await realpath(await mkdtemp(path.join(tmpdir(), 'quittance-chaos-')))
await chmod(runDirectory, 0o755) // Postgres may run as another user, who must be able to enter.
const callOffGuard = startGuard(runDirectory, { removeState: true })
const workflowBundle = await ensureWorkflowBundle(runDirectory, console.log)
// The guard ends all processes when this one is gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const begunAt = new Date()
const outcomes: { schedule: Schedule; outcome: Outcome }[] = []
const line = schedules.values()
await Promise.all(Array.from({ length: atOnce }, playOn))
callOffGuard()
await rm(runDirectory, { recursive: true, force: true })

console.log(tallyOf(outcomes))
const failed = outcomes.filter(({ outcome }) => outcome.flaws.length > 0)
if (values.record)
  await keepRecord({
    begunAt: begunAt.toISOString(),
    took_s: Math.round((Date.now() - begunAt.getTime()) / 1000),
    runs: outcomes.map(({ schedule, outcome: { flaws } }) => ({ schedule, flaws })),
  } satisfies ChaosRecord)
console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`)
process.exit(failed.length > 0 ? 1 : 0)

/** One schedule after the other, on servers that no other run at the same time takes away. */
async function playOn(): Promise<void> {
  const runner = createRunner({ runDirectory, workflowBundle })
  for (const schedule of line) await playOne(runner, schedule)
  await runner.end()
}

async function playOne(runner: Runner, schedule: Schedule): Promise<void> {
  const outcome = await runner.play(schedule)
  outcomes.push({ schedule, outcome })
  const { flaws, phases } = outcome
  const faults = schedule.happenings.filter((one) => 'fault' in one).length
  console.log(
    `seed ${schedule.seed}: ${schedule.happenings.length - faults} operations, ${faults} faults, ${inSeconds(phases)}: ${flaws.length === 0 ? 'all invariants hold' : `${flaws.length} FLAWS`}`,
  )
  if (flaws.length > 0) await explain(runner, schedule, flaws)
}

function wholeNumber(name: 'seeds' | 'seed' | 'shrink' | 'at-once'): number {
  const number = Number(values[name])
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number`)
  return number
}

/** `I1, I3` of `I1, I3: …`; what has no number does not come to rest, or has no answer. */
function brokenBy(flaw: string): string {
  return /^(I\d[\dI, ]*|privacy):/.exec(flaw)?.[1] ?? 'rest'
}

/** `42 s (started 4, played 20, …)` */
function inSeconds(phases: Record<string, number>): string {
  const round = (milliseconds: number) => Math.round(milliseconds / 1_000)
  const parts = Object.entries(phases).map(([phase, took_ms]) => `${phase} ${round(took_ms)}`)
  return `${round(Object.values(phases).reduce((sum, took_ms) => sum + took_ms, 0))} s (${parts.join(', ')})`
}

/** Prints the schedule, what it broke, a smaller one that still breaks something, and how to run each again. */
async function explain(runner: Runner, schedule: Schedule, flaws: string[]): Promise<void> {
  console.log(schedule.happenings.map((one) => `  ${describe(one)}`).join('\n'))
  console.log(flaws.map((flaw) => `  ✗ ${flaw}`).join('\n'))
  console.log(`Run it again: npm run chaos -- --seeds 1 --seed ${schedule.seed}`)
  if (tries === 0) return
  const [first = ''] = flaws
  // Anything may break when parts are left out; another bug would be looked at in place of this one.
  const isOfSameKind = (flaw: string) => brokenBy(flaw) === brokenBy(first)
  const happenings = await shrink(
    schedule.happenings,
    async (fewer) => (await runner.play({ ...schedule, happenings: fewer })).flaws.some(isOfSameKind),
    tries,
  )
  await mkdir(kept, { recursive: true })
  const file = path.join(kept, `seed-${schedule.seed}.json`)
  await writeFile(file, JSON.stringify({ seed: schedule.seed, happenings }, undefined, 2))
  console.log(`These ${happenings.length} are enough:`)
  console.log(happenings.map((one) => `  ${describe(one)}`).join('\n'))
  console.log(`Run them again: npm run chaos -- --schedule ${path.relative(root, file)}`)
}

function tallyOf(played: typeof outcomes): string {
  const times = new Map<string, number>()
  for (const { outcome } of played)
    for (const [what, count] of Object.entries(outcome.tally)) times.set(what, (times.get(what) ?? 0) + count)
  return [...times]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([what, count]) => `${String(count).padStart(5)} ${what}`)
    .join('\n')
}
