import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { createApp } from '../../../api/app.ts'
import { createMetrics, type Metrics } from '../../../api/metrics.ts'
import type { Orchestrator } from '../../../api/orchestrator.ts'
import { connect, type Connections, type ConnectOptions } from '../../../db/client.ts'
import type { PaymentProvider, ProviderEvent } from '../../../domain/provider.ts'
import type { CheckoutStart } from '../../../inbox/starts.ts'
import { createWebhookVerifier } from '../../../providers/stripe/webhook-signature.ts'
import { brl } from '../../support/snapshots.ts'
import { createDatabase, type TestDatabase } from '../../support/stack.ts'
import { type Conformance, createConformance, type OpenApiDocument } from './conformance.ts'

export const operatorKey = 'qk_operator_of_the_tests_0123456789'
export const webhookSecret = 'whsec_of_the_tests'

export interface Call {
  key?: string | undefined
  /** Sent as JSON; a text is sent as it is. */
  body?: unknown
  headers?: Record<string, string>
}

export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Headers
  body: Body
}

export interface Problem {
  status: number
  code: string
  detail: string
  request_id: string
  errors?: { path: string; message: string }[]
  [fact: string]: unknown
}

/** The API over a real database. What it asks of workflows is answered by the test, so that each answer can be tried. */
export interface TestApi {
  call<Body = Record<string, unknown>>(method: string, path: string, call?: Call): Promise<Answer<Body>>
  /** As `call`, for an answer that must be a problem. */
  problem(method: string, path: string, call?: Call): Promise<Problem>
  /** As `problem`, told in short: `404 not_found`. */
  refusal(method: string, path: string, call?: Call): Promise<string>
  registerProject(project?: Record<string, unknown>): Promise<{ projectId: string; key: string }>
  fetch: (request: Request) => Response | Promise<Response>
  database: TestDatabase
  connections: Connections
  metrics: Metrics
  document: OpenApiDocument
  /** What the router was given, middleware aside. */
  routes: { method: string; path: string }[]
  /** What was logged, a line each. */
  log: string[]
  dispatched: ProviderEvent[]
  /** Closed as they were stored. */
  noted: ProviderEvent[]
  close(): Promise<void>
}

export interface TestApiOptions {
  openCheckout?: (payment: CheckoutStart) => Promise<{ checkoutSessionId: string; checkoutUrl: string }>
  orchestrator?: Partial<Orchestrator>
  previewChange?: PaymentProvider['previewChange']
  listPaymentMethods?: PaymentProvider['listPaymentMethods']
  readCharge?: PaymentProvider['readCharge']
  livemode?: boolean
  /** Two while one is being rotated. */
  webhookSecrets?: string[]
  poolSize?: number
  /** Another API over the same database. */
  database?: TestDatabase
  connect?: (options: ConnectOptions) => Connections
}

export async function createTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { livemode = false, poolSize = 8 } = options
  const database = options.database ?? (await createDatabase())
  const connections = (options.connect ?? connect)({ ...database, poolSize, applicationName: 'test-api' })
  const log: string[] = []
  const dispatched: ProviderEvent[] = []
  const noted: ProviderEvent[] = []
  const metrics = createMetrics()
  const app = createApp({
    application: connections.application,
    system: connections.system,
    orchestrator: {
      openCheckout: options.openCheckout ?? openedAtOnce,
      publishCatalog: async () => {},
      command: async () => {},
      openSetupPage: async () => ({ setupUrl: 'https://pay.test/setup' }),
      changePaymentMethod: async (_customer, { change }) => ({ paymentMethodId: change.paymentMethodId }),
      startRefund: async () => {},
      tryRefund: async () => {},
      tellRefund: async () => {},
      openTestClock: async () => {},
      advanceTestClock: async () => {},
      reconcile: async () => {},
      isReachable: async () => true,
      ...options.orchestrator,
    },
    provider: {
      previewChange: options.previewChange ?? freeOfCharge,
      listPaymentMethods: options.listPaymentMethods ?? (async () => []),
      readCharge: options.readCharge ?? (async () => undefined),
    },
    verifyWebhook: createWebhookVerifier({ secrets: options.webhookSecrets ?? [webhookSecret] }),
    dispatcher: {
      async dispatch(event) {
        dispatched.push(event)
        return 'handled'
      },
      note: (event) => void noted.push(event),
    },
    operatorKey,
    livemode,
    publicUrl: undefined,
    logger: pino({ level: 'debug' }, { write: (line: string) => void log.push(line) }),
    metrics,
  })
  const document = (await (await app.request('/openapi.json')).json()) as OpenApiDocument
  const conformance = createConformance(document)

  const api: TestApi = {
    call: (method, path, call = {}) => callApp(app.fetch, conformance, method, path, call),
    async problem(method, path, call) {
      const { status, body } = await api.call<Problem>(method, path, call)
      if (status < 400) throw new Error(`expected a problem, got ${status} for ${method} ${path}`)
      return body
    },
    async refusal(method, path, call) {
      const { status, code } = await api.problem(method, path, call)
      return `${status} ${code}`
    },
    async registerProject(project = {}) {
      const answer = await api.call('POST', '/api/v1/projects', {
        key: operatorKey,
        body: { ...shop, ...project },
      })
      if (answer.status !== 201) throw new Error(`${JSON.stringify(answer.body)}\n${log.join('')}`)
      return { projectId: String(answer.body.project_id), key: String(answer.body.api_key) }
    },
    fetch: app.fetch,
    database,
    connections,
    metrics,
    document,
    routes: app.routes.filter(({ method }) => method !== 'ALL'),
    log,
    dispatched,
    noted,
    async close() {
      await connections.close()
      if (!options.database) await database.drop()
    },
  }
  return api
}

async function callApp<Body>(
  fetch: (request: Request) => Response | Promise<Response>,
  conformance: Conformance,
  method: string,
  path: string,
  { key, body, headers = {} }: Call,
): Promise<Answer<Body>> {
  const answer = await fetch(
    new Request(`http://api.test${path}`, {
      method,
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
  )
  const contentType = answer.headers.get('content-type') ?? ''
  const text = await answer.text()
  const read: unknown = text === '' ? undefined : contentType.includes('json') ? JSON.parse(text) : text
  // Whatever a test is about: every answer keeps what the published description promises.
  const flaws = conformance.flawsOf(method, path.split('?')[0] ?? '', {
    status: answer.status,
    contentType,
    body: read,
  })
  if (flaws.length > 0) throw new Error(flaws.join('\n'))
  return { status: answer.status, headers: answer.headers, body: read as Body }
}

async function openedAtOnce({ paymentId }: CheckoutStart) {
  return { checkoutSessionId: `cs_test_${paymentId}`, checkoutUrl: `https://pay.test/${paymentId}` }
}

const freeOfCharge: PaymentProvider['previewChange'] = async () => ({ amountDue: brl(0), lines: [] })

/** A project with a plan, a product and a pack of credits. */
export const shop = {
  name: 'Shop',
  currency: 'brl',
  plans: [{ id: 'pro', name: 'Pro', amount: 9900, currency: 'brl', interval: 'month', roles: ['pro'] }],
  products: [
    { id: 'book', name: 'Book', amount: 2500, currency: 'brl' },
    { id: 'credits', name: 'Credits', amount: 1000, currency: 'usd', credits: 10_000_000 },
  ],
  success_url: 'https://shop.test/thanks?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'https://shop.test/basket',
}

export const uniqueKey = () => `test-${randomBytes(8).toString('hex')}`
