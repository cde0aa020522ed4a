/** The bare worker: two workers on two task queues, with the product's limits. */

import { createServer } from 'node:http'
import path from 'node:path'
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker'
import { createStripeClient } from '../../providers/stripe/client.ts'
import { createBareRecordActivities, createBareStripeActivities } from './activities.ts'
import { BARE_POOL_SIZE, bareEnvironment, connectBare } from './environment.ts'
import { BARE_STRIPE_TASK_QUEUE, BARE_TASK_QUEUE } from './names.ts'

const { port, databaseUrl, temporalAddress, namespace, stripe } = bareEnvironment()
Runtime.install({ logger: new DefaultLogger('ERROR') })
const sql = connectBare(databaseUrl)
const connection = await NativeConnection.connect({ address: temporalAddress })
const workers = await Promise.all([
  Worker.create({
    connection,
    namespace,
    taskQueue: BARE_TASK_QUEUE,
    // Not beside this file, which runs as one that is built of all it imports.
    workflowsPath: path.resolve('bench', 'bare', 'workflow.ts'),
    activities: createBareRecordActivities(sql),
    maxConcurrentLocalActivityExecutions: BARE_POOL_SIZE,
    maxConcurrentActivityTaskExecutions: BARE_POOL_SIZE,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxCachedWorkflows: 600,
  }),
  Worker.create({
    connection,
    namespace,
    taskQueue: BARE_STRIPE_TASK_QUEUE,
    activities: createBareStripeActivities(createStripeClient(stripe)),
    maxConcurrentActivityTaskExecutions: BARE_POOL_SIZE * 4,
  }),
])
const health = createServer((_request, response) =>
  response.end(`process_resident_memory_bytes ${process.memoryUsage.rss()}\n`),
).listen(port, '127.0.0.1')
await Promise.all(workers.map((worker) => worker.run()))
health.close()
await Promise.all([connection.close(), sql.end({ timeout: 1 })])
