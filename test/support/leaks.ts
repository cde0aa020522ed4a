import { readFile } from 'node:fs/promises'
import { atMost } from './at-most.ts'
import type { Product } from './product.ts'
import { listWorkflows } from './workflow-health.ts'

/** Where every customer of these tests has their mailbox. */
export const mailDomain = 'mailbox.test'

/** No card number and no email may be where nobody's personal data belongs.
 *  @returns a sentence for each that is. */
export async function flawsOfTraces(product: Product): Promise<string[]> {
  const traces = await readTraces(product)
  return traces.flatMap(({ place, text }) => [
    ...cardNumbersIn(text).map((number) => `${place} has the card number ${number}`),
    ...(text.includes(mailDomain) ? [`${place} has an email`] : []),
  ])
}

/** All that the product has written where nobody's personal data belongs: histories, logs and Kafka. */
export async function readTraces(product: Product): Promise<{ place: string; text: string }[]> {
  const { temporal, events, logFiles, sql } = product
  const projects = await sql<{ project_id: string }[]>`select project_id from projects`
  const workflows = await listWorkflows(product)
  const histories = await atMost(16, workflows, async (workflow) => {
    const { workflowId, runId } = workflow
    const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory()
    return { place: workflowId, text: readable(history) + readable(workflow.raw) }
  })
  const logs = logFiles.map(async (file) => ({ place: file, text: await readFile(file, 'utf8') }))
  const messages = projects
    .flatMap(({ project_id: projectId }) => events.messages(projectId))
    .map(({ value, key, headers }) => ({ place: `Kafka ${key}`, text: value + JSON.stringify(headers) }))
  return [...histories, ...(await Promise.all(logs)), ...messages]
}

/** Everything that can be read in a value. Payloads are bytes, which as text can be searched. */
function readable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([name, part]) => `${name}: ${readable(part)}\n`)
    .join('')
}

/** Of workflows and their runs: some of so many look like the number of a card. */
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** What looks like the number of a card: 14 to 19 digits of a card's first digit that pass Luhn's check. */
export function cardNumbersIn(text: string): string[] {
  const candidates =
    text.replaceAll(uuid, '').match(/(?<![0-9A-Za-z_.-])[3-6]\d(?:[ -]?\d){12,17}(?![0-9A-Za-z_])/g) ?? []
  return candidates.filter((candidate) => passesLuhn(candidate.replaceAll(/\D/g, '')))
}

function passesLuhn(digits: string): boolean {
  const sum = digits
    .split('')
    .toReversed()
    .reduce((total, digit, index) => {
      const doubled = Number(digit) * (index % 2 === 0 ? 1 : 2)
      return total + (doubled > 9 ? doubled - 9 : doubled)
    }, 0)
  return sum % 10 === 0
}
