/** What is measured again and again while the load goes on, and how it is judged. */

export interface Measure {
  unit: string
  /** `level`: must stay where it is. `heap`: so must what garbage collection leaves of it. `queue`: must not become longer,
   *  and be empty in the end. `shown`: depends on the machine, or is that of a server of others. */
  judgedAs: 'level' | 'heap' | 'queue' | 'shown'
}

const level = (unit: string): Measure => ({ unit, judgedAs: 'level' })
const queue: Measure = { unit: '', judgedAs: 'queue' }
const shown = (unit: string): Measure => ({ unit, judgedAs: 'shown' })

export const measures = {
  'API: memory': level('MiB'),
  'API: heap in use': { unit: 'MiB', judgedAs: 'heap' },
  'API: open files': level(''),
  'worker: memory': level('MiB'),
  'worker: heap in use': { unit: 'MiB', judgedAs: 'heap' },
  'worker: open files': level(''),
  'connections to Postgres': level(''),

  'webhooks not handled': queue,
  'events not published': queue,
  'mails not sent': queue,
  'payments without a page': queue,
  'refunds under way': queue,
  'charges of cases in doubt': queue,
  'workflows that are open': queue,
  'tasks waiting for a worker': queue,
  'workflows whose tasks fail': queue,

  'operations done': shown('/s'),
  'operation, median': shown('ms'),
  'load of the machine': shown(''),
  'API: processor': shown('%'),
  'worker: processor': shown('%'),
  'local Stripe: memory': shown('MiB'),
  'Temporal: memory': shown('MiB'),
  'Kafka: memory': shown('MiB'),
  'Postgres: memory': shown('MiB'),
} satisfies Record<string, Measure>

export type MeasureName = keyof typeof measures
export type Sample = Record<MeasureName, number>
export const measureNames = Object.keys(measures) as MeasureName[]
