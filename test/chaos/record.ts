import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { type MachineFacts, machineFacts } from '../support/machine.ts'
import { faults, operations, type Schedule } from './schedule.ts'

export interface ChaosRecord {
  /** RFC 3339. */
  begunAt: string
  took_s: number
  runs: { schedule: Schedule; flaws: string[] }[]
}

const invariants = {
  I1: 'At most one successful charge per invoice and per payment, by Stripe’s own count',
  I2: 'The accounts of each currency are zero together; a wallet says the same in each of its books',
  I3: 'Refunded never exceeds captured',
  I4: 'No charge after a cancellation was answered or took effect',
  I5: 'Every committed event is on Kafka, in order per key, without gaps, with one content',
  I6: 'Every webhook taken is applied; delivered, dispatched or told again it changes nothing',
  I7: 'Our state is Stripe’s',
  I8: 'No workflow is stuck',
  I9: 'Retries only on their days and none of any kind after the end; access as long as promised, and no longer',
  I10: 'No project reads or changes another’s objects',
}

/** Writes `docs/proof.md`. */
export async function keepRecord(record: ChaosRecord): Promise<void> {
  const page = path.resolve(import.meta.dirname, '..', '..', 'docs', 'proof.md')
  const config = await resolveConfig(page)
  await writeFile(page, await format(pageOf(record, machineFacts()), { ...config, parser: 'markdown' }))
}

export function pageOf({ begunAt, took_s, runs }: ChaosRecord, machine: MachineFacts): string {
  const seeds = runs.map(({ schedule }) => schedule.seed)
  const happenings = runs.flatMap(({ schedule }) => schedule.happenings)
  const count = (is: (one: (typeof happenings)[number]) => boolean) => happenings.filter(is).length
  const row = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`
  const table = (heading: string[], rows: (string | number)[][]) =>
    [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n')
  const broken = (invariant: string) =>
    runs.filter(({ flaws }) => flaws.some((flaw) => flaw.split(':')[0]?.split(', ').includes(invariant)))
  const unanswered = runs.filter(({ flaws }) => flaws.some((flaw) => !/^I\d/.test(flaw)))
  return [
    '# What the fault runs show',
    'Made by `npm run chaos -- --seeds N --record`; do not edit. A seed makes a schedule of operations of several projects on test clocks, and of faults that strike meanwhile. Then everything heals and time runs on. Where webhooks were lost on purpose, what nobody was told of is found by reconciliation; everywhere else it may find nothing. Each invariant is checked against Postgres, Temporal, Kafka and the local Stripe’s own books.',
    `Run on ${begunAt.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.system}. Seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}, ${runs.length} runs in ${Math.round(took_s / 60)} minutes; ${runs.filter(({ flaws }) => flaws.length === 0).length} of them without a flaw.`,
    table(
      ['', 'invariant', 'seeds that broke it'],
      [
        ...Object.entries(invariants).map(([name, text]) => [
          name,
          text,
          broken(name)
            .map(({ schedule }) => schedule.seed)
            .join(', ') || 'none',
        ]),
        [
          'rest',
          'Every request gets a final answer, and all comes to rest',
          unanswered.map(({ schedule }) => schedule.seed).join(', ') || 'none',
        ],
      ],
    ),
    '## What was done',
    table(
      ['operation', 'times'],
      [
        ...operations.map((name) => [name, count((one) => 'operation' in one && one.operation === name)]),
        ['days pass', count((one) => 'days' in one)],
      ],
    ),
    '## What went wrong meanwhile',
    table(
      ['fault', 'times'],
      faults.map((name) => [name, count((one) => 'fault' in one && one.fault === name)]),
    ),
  ].join('\n\n')
}
