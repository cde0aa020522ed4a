import { randomUUID } from 'node:crypto'
import { TypedSearchAttributes } from '@temporalio/common'
import type { PaymentId, SubscriptionId } from '../../domain/ids.ts'
import { mintId } from '../../db/mint-id.ts'
import { subscriptionStart } from '../../inbox/starts.ts'
import { BARE_TASK_QUEUE } from '../bare/names.ts'
import type { Row } from '../row.ts'
import type { Stack } from '../stack.ts'

const COUNT = 10_000
const MONTH_MS = 30 * 24 * 3_600_000

/** Subscriptions that wait for their renewal, all with one worker. */
export const asleep: Row = {
  id: 'B8',
  name: `Falling asleep of ${COUNT.toLocaleString('en')} subscriptions on one worker, and what memory they take (not their waking)`,
  bareProgram: 'as many workflows that only sleep',
  whyMore:
    'A sleeping subscription keeps what it knows, its handlers and its queue of commands in memory. Next: let fewer of them stay in the cache of a worker: they are woken once a month.',
  roundsAtMost: 1,
  // What one round has taken, the next would find free.
  isCold: true,
  figures: [
    { name: 'memory beyond the idle worker', unit: 'MiB', aim: { oursAtMost: 1_024 } },
    { name: 'until all are asleep', unit: 's' },
  ],

  prepare: (stack) =>
    Promise.resolve({
      ours: () => round(stack, 'ours', () => startSubscription(stack)),
      bare: () =>
        round(stack, 'bare', async () => {
          const workflowId = `sleep/${randomUUID()}`
          await stack.temporal.workflow.start('bareSleep', {
            taskQueue: BARE_TASK_QUEUE,
            workflowId,
            args: [MONTH_MS],
          })
          return workflowId
        }),
    }),
}

async function round(stack: Stack, side: 'ours' | 'bare', start: () => Promise<string>) {
  const idle = await stack.memoryOf(side)
  const begun = performance.now()
  const started: string[] = []
  let left = COUNT
  const startOneAfterTheOther = async () => {
    while (left > 0) {
      left -= 1
      started.push(await start())
    }
  }
  await Promise.all(Array.from({ length: 16 }, startOneAfterTheOther))
  const last = started.at(-1)
  // Tasks are given in order: when the last one has been worked on, so have the others.
  for (let round = 0; last !== undefined && round < 600; round += 1) {
    const { raw } = await stack.temporal.workflow.getHandle(last).describe()
    if (!raw.pendingWorkflowTask) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    'memory beyond the idle worker': Math.max(1, (await stack.memoryOf(side)) - idle),
    'until all are asleep': (performance.now() - begun) / 1000,
  }
}

/** One that has been looked at and waits for its renewal in a month. */
async function startSubscription({ temporal, ours }: Stack): Promise<string> {
  const subscriptionId: SubscriptionId = mintId('sbs')
  const paymentId: PaymentId = mintId('pay')
  const { args, ...options } = subscriptionStart({
    projectId: ours.project.projectId,
    subscriptionId,
    paymentId,
    stripeSubscriptionId: `sub_${randomUUID()}`,
    userId: 'asleep',
    correlationId: 'bench',
    planId: 'pro',
    status: 'active',
    clockId: null,
  })
  const now = Date.now()
  await temporal.workflow.start('subscription', {
    ...options,
    typedSearchAttributes: new TypedSearchAttributes([]),
    args: [
      {
        ...args[0],
        known: {
          planId: 'pro',
          planVersion: 1,
          quantity: 1,
          revision: 1,
          status: 'active',
          currentPeriodStart: now,
          currentPeriodEnd: now + MONTH_MS,
          cancelAtPeriodEnd: false,
          openCases: 0,
          graceEnded: false,
        },
      },
    ],
  })
  return options.workflowId
}
