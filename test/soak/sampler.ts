import { loadavg } from 'node:os'
import proto from '@temporalio/proto'
import type { Product } from '../support/product.ts'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../../workflows/ids.ts'
import { medianOf } from './judge.ts'
import type { Load } from './load.ts'
import type { Sample } from './measures.ts'
import { memoryOfProcesses } from './processes.ts'

export interface Sampler {
  sample(): Promise<Sample>
  /** What the API has answered since it began. */
  answers(): Promise<Answers>
  /** How often two transactions of the product have waited for each other, of which Postgres then ends one. */
  deadlocks(): Promise<number>
  /** When each process began, which a restart would change. */
  beginnings(): Promise<string>
}

export interface Answers {
  all: number
  /** Those of 503, which ask to come again. */
  busy: number
  /** The others of 500 and more. */
  failed: number
}

/** Takes samples of a product under a load. */
export function createSampler(product: Product, load: Load, runDirectory: string): Sampler {
  let before = { at: performance.now(), apiCpu_s: NaN, workerCpu_s: NaN }

  return {
    async sample() {
      const [api, worker, memory, rows, temporal] = await Promise.all([
        figuresOf(product.metricsUrls.api),
        figuresOf(product.metricsUrls.worker),
        // Shown only, so a system that does not tell it is no reason to stop.
        memoryOfProcesses(runDirectory).catch(() => new Map<string, number>()),
        rowsThatWait(product),
        tasksThatWait(product),
      ])
      const now = {
        at: performance.now(),
        apiCpu_s: api('process_cpu_seconds_total'),
        workerCpu_s: worker('process_cpu_seconds_total'),
      }
      const passed_s = (now.at - before.at) / 1_000
      const share = (cpu_s: number) => Math.max(0, (cpu_s / passed_s) * 100 || 0)
      const latencies_ms = load.takeLatencies()
      const sample: Sample = {
        'API: memory': api('process_resident_memory_bytes') / 2 ** 20,
        'API: heap in use': api('nodejs_heap_size_used_bytes') / 2 ** 20,
        'API: open files': api('process_open_fds'),
        'worker: memory': worker('process_resident_memory_bytes') / 2 ** 20,
        'worker: heap in use': worker('nodejs_heap_size_used_bytes') / 2 ** 20,
        'worker: open files': worker('process_open_fds'),
        ...rows,
        ...temporal,
        'operations done': latencies_ms.length / passed_s,
        'operation, median': medianOf(latencies_ms),
        'load of the machine': loadavg()[0] ?? 0,
        'API: processor': share(now.apiCpu_s - before.apiCpu_s),
        'worker: processor': share(now.workerCpu_s - before.workerCpu_s),
        'local Stripe: memory': memory.get('stripe') ?? 0,
        'Temporal: memory': memory.get('temporal') ?? 0,
        'Kafka: memory': memory.get('kafka') ?? 0,
        'Postgres: memory': memory.get('postgres') ?? 0,
      }
      before = now
      return sample
    },

    async answers() {
      const api = await figuresOf(product.metricsUrls.api)
      const count = (status: RegExp) => api('http_request_duration_seconds_count', status)
      const busy = count(/status="503"/)
      return { all: count(/status=/), busy, failed: count(/status="5\d\d"/) - busy }
    },

    async deadlocks() {
      const [row] = await product.sql<{ deadlocks: string }[]>`
        select deadlocks from pg_stat_database where datname = current_database()`
      return Number(row?.deadlocks)
    },

    async beginnings() {
      const { api, worker } = product.metricsUrls
      const figures = await Promise.all([figuresOf(api), figuresOf(worker)])
      return figures.map((figure) => figure('process_start_time_seconds')).join()
    },
  }
}

/** What a process tells to Prometheus: the sum of a metric over its lines, or over those whose labels match. */
async function figuresOf(url: string): Promise<(name: string, labels?: RegExp) => number> {
  const lines = (await (await fetch(url)).text()).split('\n')
  return (name, labels) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .filter((line) => labels?.test(line) ?? true)
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

async function rowsThatWait({ sql }: Product) {
  const [row] = await sql<Record<string, string>[]>`
    select
      (select count(*) from inbox where handled_at is null) as webhooks,
      (select count(*) from outbox where published_at is null) as events,
      (select count(*) from notices where sent_at is null and skipped_reason is null) as mails,
      (select count(*) from payments where status = 'pending' and stripe_checkout_session_id is null) as payments,
      (select count(*) from refunds where status = 'pending') as refunds,
      (select count(*) from dunning_attempts where outcome is null) as charges,
      (select count(*) from pg_stat_activity where datname = current_database()) as connections`
  const count = (name: string) => Number(row?.[name])
  return {
    'webhooks not handled': count('webhooks'),
    'events not published': count('events'),
    'mails not sent': count('mails'),
    'payments without a page': count('payments'),
    'refunds under way': count('refunds'),
    'charges of cases in doubt': count('charges'),
    'connections to Postgres': count('connections'),
  }
}

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType

async function tasksThatWait({ temporal, servers }: Product) {
  const { namespace } = servers.temporal
  const backlogs = [TASK_QUEUE, STRIPE_TASK_QUEUE].flatMap((name) =>
    [TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY].map(async (taskQueueType) => {
      const { stats } = await temporal.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name },
        taskQueueType,
        reportStats: true,
      })
      return Number(stats?.approximateBacklogCount ?? 0)
    }),
  )
  const isRunning = `ExecutionStatus = 'Running'`
  const [waiting, running, failing] = await Promise.all([
    Promise.all(backlogs),
    temporal.workflow.count(isRunning),
    temporal.workflow.count(`TemporalReportedProblems IS NOT NULL AND ${isRunning}`),
  ])
  return {
    'tasks waiting for a worker': waiting.reduce((sum, count) => sum + count, 0),
    'workflows that are open': running.count,
    'workflows whose tasks fail': failing.count,
  }
}
