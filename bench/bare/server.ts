/** The bare API: `node:http` and the one thing that each path is for. */

import { createServer, type IncomingMessage } from 'node:http'
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client'
import { WorkflowIdConflictPolicy } from '@temporalio/common'
import { defineUpdate } from '@temporalio/workflow'
import { bareEnvironment, connectBare } from './environment.ts'
import { BARE_TASK_QUEUE, type BareCheckoutInput, type BareSession, bareWorkflowId } from './names.ts'

interface CheckoutEvent {
  id: string
  data: { object: { client_reference_id: string } }
}

const { port, databaseUrl, temporalAddress, namespace } = bareEnvironment()
const openSession = defineUpdate<BareSession>('openSession')
const sql = connectBare(databaseUrl)
const temporal = new Client({ connection: Connection.lazy({ address: temporalAddress }), namespace })

const routes: Record<string, (body: string) => Promise<object>> = {
  '/readyz': async () => ({}),
  '/payments': (body) => openCheckout(JSON.parse(body) as BareCheckoutInput),
  '/consume': (body) => consume(JSON.parse(body) as { userId: string; amount: number }),
  '/webhooks/store': async (body) => store(JSON.parse(body) as CheckoutEvent, body),
  '/webhooks/signal': async (body) => signal(JSON.parse(body) as CheckoutEvent),
  '/webhooks/store-and-signal': async (body) => {
    const event = JSON.parse(body) as CheckoutEvent
    await store(event, body)
    return signal(event)
  },
}

function openCheckout(input: BareCheckoutInput): Promise<BareSession> {
  return temporal.workflow.executeUpdateWithStart(openSession, {
    startWorkflowOperation: new WithStartWorkflowOperation('bareCheckout', {
      workflowId: bareWorkflowId(input.paymentId),
      taskQueue: BARE_TASK_QUEUE,
      args: [input],
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    }),
  })
}

/** A round trip for the key, as a real caller's would be looked up, and one for the wallet. */
async function consume({ userId, amount }: { userId: string; amount: number }): Promise<object> {
  await sql`select payment_id from payments where payment_id = ${userId}`
  const [wallet] = await sql`
    update wallets set balance = balance - ${amount} where user_id = ${userId} and balance >= ${amount} returning balance`
  return wallet ?? {}
}

async function store({ id }: CheckoutEvent, body: string): Promise<object> {
  await sql`
    insert into inbox (event_id, payload) values (${id}, ${body}::text::jsonb) on conflict do nothing`
  return {}
}

async function signal({ data }: CheckoutEvent): Promise<object> {
  await temporal.workflow.getHandle(bareWorkflowId(data.object.client_reference_id)).signal('stripeChanged')
  return {}
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const server = createServer((request, response) => {
  const route = routes[request.url ?? '']
  if (!route) return void response.writeHead(404).end()
  bodyOf(request)
    .then(route)
    .then(
      (answer) => response.writeHead(200).end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
})
server.keepAliveTimeout = 65_000
server.listen(port, '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
