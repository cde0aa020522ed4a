import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, CheckoutClient } from '../support/checkout-client.ts'
import { eventually } from '../support/eventually.ts'
import { mailDomain } from '../support/leaks.ts'
import type { Product } from '../support/product.ts'

/** Twice the longest that anything is away, and what a workflow waits between two tries. */
const PATIENCE_MS = 120_000

/** What a project of a run has and has done. */
export interface PlayedProject {
  projectId: string
  client: Caller
  /** Acts for the project, and is not whoever has its key. */
  operator: Caller
  clockId: string
  /** Where its clock stands, in milliseconds since 1970. */
  now: number
  /** Where it was sent, each time. */
  jumps: number[]
  users: Map<number, PlayedUser>
}

type Caller = Pick<CheckoutClient, 'call'>

export interface PlayedUser {
  userId: string
  /** Where mails go to them; none go without. */
  email?: string
  paymentIds: string[]
  sessionIds: string[]
  /** Stripe's ids of those that somebody has canceled in the dashboard. */
  canceledAtStripe: string[]
  /** Those that were answered to be canceled at once, with Stripe's newest event in that moment. */
  canceledNow: { stripeSubscriptionId: string; lastEventId: string | undefined }[]
  /** Stripe's invoices that somebody has paid on their page. */
  paidByHand: string[]
  /** Each use of credits that has its final answer. */
  usages: { usageId: string; amount: number; wasDone: boolean }[]
}

export const begin = '2027-01-10T12:00:00.000Z'

export async function makeProject(product: Product): Promise<PlayedProject> {
  const { projectId, client } = await product.registerProject({
    products: [
      { id: 'book', name: 'Annual report', amount: 4_900, currency: 'brl' },
      { id: 'pack', name: 'Credits', amount: 2_500, currency: 'brl', credits: 5_000_000 },
    ],
  })
  const made = await ask(client, 'POST', '/api/v1/test-clocks', { frozen_time: begin })
  if (made.status !== 201) throw new Error(`no clock: ${made.status} ${JSON.stringify(made.body)}`)
  return {
    projectId,
    client,
    operator: {
      call: (method, path, sent) =>
        product.operator.call(method, path, {
          ...sent,
          headers: { ...sent?.headers, 'x-project-id': projectId },
        }),
    },
    clockId: String(made.body.id),
    now: Date.parse(begin),
    jumps: [Date.parse(begin)],
    users: new Map(),
  }
}

export function userOf(project: PlayedProject, index: number): PlayedUser {
  const known = project.users.get(index)
  if (known) return known
  const userId = `${project.projectId.slice(-6)}-user-${index}`
  const user: PlayedUser = {
    userId,
    email: `${userId}@${mailDomain}`,
    paymentIds: [],
    sessionIds: [],
    canceledAtStripe: [],
    canceledNow: [],
    paidByHand: [],
    usages: [],
  }
  project.users.set(index, user)
  return user
}

/** A request as clients are told to make it: with a key, and again for as long as the answer is not final.
 *  @throws when no final answer comes. */
export async function ask(client: Caller, method: string, path: string, body?: object): Promise<Answer> {
  const headers: Record<string, string> = method === 'GET' ? {} : { 'idempotency-key': randomUUID() }
  return eventually(
    `a final answer to ${method} ${path}`,
    async () => {
      const answer = await client.call(method, path, { ...(body && { body }), headers })
      const isFinal = answer.status < 500 && answer.body.code !== 'idempotency_in_progress'
      if (isFinal) return answer
      await sleep(Math.min(Number(answer.headers.get('retry-after') ?? 1), 3) * 1_000)
      throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
    },
    { within_ms: PATIENCE_MS, every_ms: 200 },
  )
}

/** Days pass for all customers of a project, and all that falls due has settled. */
export async function letDaysPass(project: PlayedProject, days: number): Promise<void> {
  const { client, clockId } = project
  const path = `/api/v1/test-clocks/${clockId}`
  const untilReady = () =>
    eventually(
      `the clock of ${project.projectId} is ready`,
      async () => {
        const { body } = await ask(client, 'GET', path)
        if (body.status === 'ready') return true
        throw new Error(JSON.stringify(body))
      },
      { within_ms: 2 * PATIENCE_MS, every_ms: 100 },
    )
  await untilReady()
  project.now += days * 24 * 3_600_000
  project.jumps.push(project.now)
  const frozen_time = new Date(project.now).toISOString()
  const { status, body } = await ask(client, 'POST', `${path}/advance`, { frozen_time })
  if (status !== 200) throw new Error(`the clock does not move: ${status} ${JSON.stringify(body)}`)
  await untilReady()
}

/** What somebody does by hand at Stripe, who tries again where Stripe is out of order.
 *  @returns `undefined` where Stripe refuses it. */
export async function atStripe<Answered>(act: () => Promise<Answered>): Promise<Answered | undefined> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await act()
    } catch (error) {
      const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
      if (status === 400 || status === 402 || status === 404 || attempt === 40) return undefined
      await sleep(250)
    }
}
