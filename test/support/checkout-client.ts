import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './eventually.ts'

export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export interface OpenPayment {
  payment_id: string
  payment_type: string
  checkout_session_id: string
  checkout_url: string
}

export interface PaymentShown {
  payment_id: string
  status: string
  amount: number
  amount_received: number
  subscription_id?: string
  failure_code?: string
}

export interface AccessShown {
  has_access: boolean
  roles: string[]
  subscriptions: { subscription_id: string; status: string; current_period_end: string }[]
}

export interface AttemptShown {
  outcome: string
  decline_code?: string
}

/** What a project's backend does. */
export type CheckoutClient = ReturnType<typeof createCheckoutClient>

export function createCheckoutClient({ apiUrl, apiKey }: { apiUrl: string; apiKey: string }) {
  /** One request. Fails only when the API cannot be reached at all. */
  async function call(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const answer = await fetch(`${apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json')
    return {
      status: answer.status,
      headers: answer.headers,
      body: isJson ? (JSON.parse(text) as Record<string, unknown>) : { text },
    }
  }

  const requestPayment = (purchase: object, idempotencyKey: string): Promise<Answer> =>
    call('POST', '/api/v1/payments', {
      body: { ...returnUrls, ...purchase },
      headers: { 'idempotency-key': idempotencyKey },
    })

  async function read<Shown>(path: string): Promise<Shown> {
    const answer = await call('GET', path)
    if (answer.status !== 200)
      throw new Error(`${path} answered ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as Shown
  }

  const client = {
    apiKey,
    call,
    requestPayment,
    /** Starts a payment as clients are told to: the same request with the same key, repeated as often as it takes, after the
     *  time that the answer names. */
    async openPayment(purchase: object, idempotencyKey: string = randomUUID()): Promise<OpenPayment> {
      const { status, body } = await eventually(
        `a final answer to ${JSON.stringify(purchase)}`,
        async () => {
          const answer = await requestPayment(purchase, idempotencyKey)
          if (answer.status < 500 && answer.status !== 409) return answer
          await sleep(Number(answer.headers.get('retry-after') ?? 1) * 1_000)
          throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
        },
        { within_ms: 180_000, every_ms: 200 },
      )
      if (status !== 201) throw new Error(`the payment was refused: ${status} ${JSON.stringify(body)}`)
      return body as unknown as OpenPayment
    },
    payment: (paymentId: string) => read<PaymentShown>(`/api/v1/payments/${paymentId}/status`),
    async attempts(paymentId: string): Promise<AttemptShown[]> {
      return (await read<{ data: AttemptShown[] }>(`/api/v1/payments/${paymentId}/attempts`)).data
    },
    access: (userId: string) => read<AccessShown>(`/api/v1/subscriptions/${userId}`),
    /** Waits until the payment has this status. */
    paymentBecomes: (paymentId: string, status: string, within_ms = 30_000): Promise<PaymentShown> =>
      eventually(
        `payment ${paymentId} becomes ${status}`,
        async () => {
          const payment = await client.payment(paymentId)
          if (payment.status === status) return payment
          throw new Error(`it is ${payment.status}`)
        },
        { within_ms },
      ),
    /** Waits until the user holds exactly these roles. */
    rolesBecome: (userId: string, roles: string[], within_ms = 30_000): Promise<AccessShown> =>
      eventually(
        `${userId} holds the roles ${roles.join(', ')}`,
        async () => {
          const access = await client.access(userId)
          return JSON.stringify(access.roles) === JSON.stringify(roles) && access
        },
        { within_ms },
      ),
  }
  return client
}

const returnUrls = {
  success_url: 'https://shop.test/thanks?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'https://shop.test/basket',
}
