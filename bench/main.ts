/** `npm run bench [-- ROW … --rounds N]`: measures, prints a table, keeps the figures in `bench/results/latest.json`; a run of
 *  all rows writes `docs/bench.md`, its picture and `docs/bench.json` as well. */

import { mkdir, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { machineFacts } from '../test/support/machine.ts'
import { compare } from './compare.ts'
import { ratioPicture } from './picture.ts'
import { markdownReport, type Report, terminalTable } from './report.ts'
import type { Row } from './row.ts'
import { checkouts } from './rows/b1-checkouts.ts'
import { payments } from './rows/b2-payments.ts'
import { webhooks } from './rows/b3-webhooks.ts'
import { webhookToRow } from './rows/b4-webhook-to-row.ts'
import { ledger } from './rows/b5-ledger.ts'
import { drain } from './rows/b6-drain.ts'
import { commitToConsumer } from './rows/b7-commit-to-consumer.ts'
import { asleep } from './rows/b8-asleep.ts'
import { restart } from './rows/b9-restart.ts'
import { refunds } from './rows/b10-refunds.ts'
import { testClock } from './rows/b11-test-clock.ts'
import { credits } from './rows/b12-credits.ts'
import { startStack } from './stack.ts'

const allRows: Row[] = [
  checkouts,
  payments,
  webhooks,
  webhookToRow,
  ledger,
  drain,
  commitToConsumer,
  refunds,
  testClock,
  credits,
  restart,
  // The last: its ten thousand workflows stay.
  asleep,
]
const root = path.resolve(import.meta.dirname, '..')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' } },
})
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) refuse('--rounds takes a whole number from 1.')
const rows = positionals.length === 0 ? allRows : positionals.map(rowNamed)

const report = await measure()
console.log(`\n${terminalTable(report.rows)}`)
await keep(report)

function rowNamed(id: string): Row {
  const row = allRows.find((one) => one.id === id.toUpperCase())
  return row ?? refuse(`There is no row ${id}. There are ${allRows.map((one) => one.id).join(', ')}.`)
}

function refuse(why: string): never {
  console.error(why)
  process.exit(2)
}

async function measure(): Promise<Report> {
  const loadBefore = loadavg()[0] ?? 0
  const stack = await startStack((words) => console.log(words))
  const endEarly = () => void stack.stop().then(() => process.exit(1))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, endEarly)
  try {
    const measured: Report['rows'] = []
    for (const { figures, roundsAtMost = rounds, isCold = false, prepare, ...described } of rows) {
      const { id } = described
      const ofRow = Math.min(rounds, roundsAtMost)
      const prepared = await prepare(stack)
      const onRound = (round: number) =>
        console.log(`${id} ${round === 0 ? 'warms up' : `round ${round} of ${ofRow}`}`)
      const compared = await compare(prepared, figures, { rounds: ofRow, isCold, onRound })
      const row = { ...described, figures: compared }
      console.log(`\n${terminalTable([row])}\n`)
      measured.push(row)
      await prepared.end?.()
    }
    return {
      measuredAt: new Date().toISOString(),
      rounds,
      machine: {
        ...machineFacts(),
        loadBefore,
        versions: stack.versions,
      },
      rows: measured,
    }
  } finally {
    await stack.stop()
  }
}

async function keep(report: Report): Promise<void> {
  const results = path.join(root, 'bench', 'results')
  await mkdir(results, { recursive: true })
  await writeFile(path.join(results, 'latest.json'), JSON.stringify(report, undefined, 2))
  // A page whose rows come from different runs would compare what was never measured together.
  if (rows.length < allRows.length) return
  const page = path.join(root, 'docs', 'bench.md')
  const config = await resolveConfig(page)
  await writeFile(page, await format(markdownReport(report), { ...config, parser: 'markdown' }))
  const figures = JSON.stringify(report)
  await writeFile(path.join(root, 'docs', 'bench.json'), await format(figures, { ...config, parser: 'json' }))
  await writeFile(path.join(root, 'docs', 'pictures', 'bench.svg'), ratioPicture(report))
}
