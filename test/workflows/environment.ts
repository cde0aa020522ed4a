import { Client } from '@temporalio/client'
import type { WorkflowHandle } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { toFailure } from '../../activities/failures.ts'
import type { Followed } from '../../activities/record-look.ts'
import type { RecordActivities, StripeActivities } from '../../activities/index.ts'
import type { ReconcileActivities } from '../../activities/reconcile/index.ts'
import type { KnownSubscription } from '../../domain/subscription.ts'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../../workflows/ids.ts'
import { searchAttributes } from '../../workflows/search-attributes.ts'
import { workflowBundle } from '../support/stack.ts'
import { startTimeSkipping, type TimeSkipping } from '../support/time-skipping.ts'

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2

/** What the workflows of a test may do: each activity as the test plays it. */
type Activities = StripeActivities & RecordActivities & ReconcileActivities
export type PlayedActivities = Partial<Activities>

const names = Object.keys({
  attemptPayment: true,
  beginReconciling: true,
  changePaymentMethod: true,
  followDispute: true,
  followRefund: true,
  chargeTopUp: true,
  followSetupPage: true,
  followSubscription: true,
  forgetClockDeadline: true,
  lookAtCase: true,
  openCheckout: true,
  openRefund: true,
  openSetupPage: true,
  openTestClock: true,
  playTestClock: true,
  publishCatalog: true,
  readCheckout: true,
  recordCheckout: true,
  recordDunningStep: true,
  recordOperatorAction: true,
  recordRefusal: true,
  recordTrialNotice: true,
  remindOfDispute: true,
  reconcileStep: true,
  reportClockDeadline: true,
  runCommand: true,
  setTestClock: true,
  skipTopUp: true,
  voidInvoices: true,
  watchWallet: true,
} satisfies Record<keyof Activities, true>) as (keyof Activities)[]

/** A time-skipping server for the tests of one file, with workers that play what the running test says: days pass in
 *  milliseconds while nothing but timers is left. */
export function useTimeSkipping() {
  let server: TimeSkipping | undefined
  let workers: Worker[] = []
  let running: Promise<unknown> = Promise.resolve()
  let played: PlayedActivities = {}
  vi.setConfig({ testTimeout: 60_000 })

  beforeAll(async () => {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
    })
    server = await startTimeSkipping()
    const { environment } = server
    // This server knows how to add them, not how to list them, so what setup does for a real one fails here.
    await environment.connection.operatorService.addSearchAttributes({
      namespace: environment.namespace ?? 'default',
      searchAttributes: Object.fromEntries(
        Object.values(searchAttributes).map(({ name }) => [name, KEYWORD]),
      ),
    })
    const shared = {
      connection: environment.nativeConnection,
      activities: Object.fromEntries(names.map((name) => [name, playing(name)])),
      maxHeartbeatThrottleInterval: 100,
      shutdownForceTime: '30 seconds',
    } as const
    workers = await Promise.all([
      Worker.create({ ...shared, taskQueue: TASK_QUEUE, workflowBundle: workflowBundle() }),
      Worker.create({ ...shared, taskQueue: STRIPE_TASK_QUEUE }),
    ])
    running = Promise.all(workers.map((worker) => worker.run()))
  })
  afterAll(async () => {
    for (const worker of workers) worker.shutdown()
    try {
      await running
    } finally {
      await server?.stop()
    }
  })

  /** Does what the running test says, and fails as the interceptor of the real worker makes it fail. */
  function playing(name: keyof Activities) {
    return async (...parameters: unknown[]) => {
      const activity = played[name] as ((...parameters: unknown[]) => unknown) | undefined
      if (!activity) throw new Error(`this test does not play ${name}`)
      try {
        return await activity(...parameters)
      } catch (error) {
        throw toFailure(error)
      }
    }
  }

  return {
    get environment(): TestWorkflowEnvironment {
      if (!server) throw new Error('the time-skipping server has not started')
      return server.environment
    },
    /** A client that never moves the time: waiting for the result of what has ended would let the other one skip to whatever
     *  timer is left on the server. */
    get client(): Client {
      const { connection, namespace = 'default' } = this.environment
      return new Client({ connection, namespace })
    },
    /** Runs the story of a test while the workers play these activities. */
    async play<Result>(
      activities: PlayedActivities,
      story: (client: TestWorkflowEnvironment['client']) => Promise<Result>,
    ): Promise<Result> {
      played = activities
      return story(this.environment.client)
    },
  }
}

/** What a look tells of a subscription that is known like this. */
export const following = (known: KnownSubscription, seen: Partial<Followed> = {}): Followed => ({
  known,
  owes: false,
  neverStarted: false,
  openCases: [],
  toVoid: [],
  ...seen,
})

/** What will be so within moments: workflows answer when they get to it, on a busy machine later. */
export const soon = <Answer>(ask: () => Answer | Promise<Answer>) => expect.poll(ask, { timeout: 15_000 })

/** The tab *User Metadata* of Temporal UI, as operators read it. */
export const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
  (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails
