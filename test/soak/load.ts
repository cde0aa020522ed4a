import { setTimeout as sleep } from 'node:timers/promises'
import { isUnanswered, messageOf } from '../chaos/play.ts'
import { perform } from '../chaos/operations.ts'
import { rejectRefunds } from '../chaos/rest.ts'
import { drawn, purchases } from '../chaos/schedule.ts'
import { ask, atStripe, letDaysPass, makeProject, type PlayedProject, userOf } from '../chaos/world.ts'
import { mailDomain } from '../support/leaks.ts'
import type { Product } from '../support/product.ts'
import { createRandom } from '../support/random.ts'
import type { SubscriptionShown } from '../support/test-clock.ts'

/** A load that stays as it is: projects come, are played for a while and are wound up, and in each of them users come, act for a
 *  while and go. So neither users nor projects collect ever more history. */
export interface Load {
  /** All that there have been, also those that are wound up. */
  projects: PlayedProject[]
  /** How often each operation ended in what. */
  tally: Map<string, number>
  /** A sentence for each answer that there must not be. */
  flaws: string[]
  /** Operations that fell due, and those of them that were left out because too many were under way. */
  counts: { due: number; leftOut: number; done: number }
  /** How long the operations took that have ended since the last time, in milliseconds. */
  takeLatencies(): number[]
  /** Begins nothing new; resolves when every project is wound up. */
  stop(): Promise<void>
}

export interface LoadOptions {
  seed: number
  /** Operations that fall due each second. */
  perSecond: number
}

const PROJECTS_AT_ONCE = 4
const PROJECT_LIFE_MS = 120_000
const USERS_AT_ONCE = 4
const NEW_USER_EVERY_MS = 20_000
const DAYS_PASS_EVERY_MS = 9_000
const OPERATIONS_AT_ONCE = 8
const BANK_DECIDES_EVERY_MS = 10_000
/** A month, so that renewals fall due, and the days between the retries of one that fails. */
const dayCounts = [1, 2, 3, 4, 7, 20, 31, 31]
/** What is left falls due for the last time. */
const lastDays = [31, 8, 1]

/** A project while it is played. */
interface PlayedTurn {
  project: PlayedProject
  begunAt: number
  underWay: Set<Promise<void>>
  /** Its days pass, and nothing else happens meanwhile. */
  isResting: boolean
}

/** Resolves when the first projects are there and operations fall due. */
export async function startLoad(product: Product, { seed, perSecond }: LoadOptions): Promise<Load> {
  const random = createRandom(seed)
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)]
  const turns = new Set<PlayedTurn>()
  const projects = await Promise.all(Array.from({ length: PROJECTS_AT_ONCE }, () => makeProject(product)))
  const tally = new Map<string, number>()
  const flaws: string[] = []
  const counts = { due: 0, leftOut: 0, done: 0 }
  let latencies_ms: number[] = []
  let isOver = false

  const loops = [
    keepComing(),
    decideDisputes(),
    ...projects.map((project, place) => fillPlace(place, project)),
  ]

  return {
    projects,
    tally,
    flaws,
    counts,
    takeLatencies() {
      const taken = latencies_ms
      latencies_ms = []
      return taken
    },
    async stop() {
      isOver = true
      await Promise.all(loops)
    },
  }

  /** Operations fall due in the same distances whatever becomes of those before. */
  async function keepComing(): Promise<void> {
    const distance_ms = 1_000 / perSecond
    for (let dueAt = Date.now(); !isOver; dueAt += distance_ms) {
      await sleep(Math.max(0, dueAt - Date.now()))
      counts.due += 1
      const open = [...turns].filter(({ isResting }) => !isResting)
      const underWay = [...turns].reduce((sum, turn) => sum + turn.underWay.size, 0)
      const turn = pick(open)
      if (turn && underWay < OPERATIONS_AT_ONCE) begin(turn)
      else counts.leftOut += 1
    }
  }

  function begin(turn: PlayedTurn): void {
    const operation = operate(turn)
    turn.underWay.add(operation)
    void operation.finally(() => turn.underWay.delete(operation))
  }

  async function operate({ project, begunAt }: PlayedTurn): Promise<void> {
    const oldest = Math.floor((Date.now() - begunAt) / NEW_USER_EVERY_MS)
    const user = userOf(project, oldest + Math.floor(random() * USERS_AT_ONCE))
    user.email ??= `${user.userId}@${mailDomain}`
    const operation = pick(user.paymentIds.length === 0 ? purchases : drawn) ?? 'buys a book'
    const startedAt = performance.now()
    const what = `${user.userId} ${operation}`
    try {
      const outcome = await perform(operation, { product, project, user, chance: random() })
      count(`${operation}: ${outcome}`)
      if (isUnanswered(outcome)) flaws.push(`${what} was answered ${outcome}`)
    } catch (error) {
      flaws.push(`${what} failed: ${messageOf(error)}`)
    }
    counts.done += 1
    latencies_ms.push(performance.now() - startedAt)
  }

  function count(what: string): void {
    tally.set(what, (tally.get(what) ?? 0) + 1)
  }

  /** One project after the other; the first of each place lives less long, so that they do not all end at once. */
  async function fillPlace(place: number, first: PlayedProject): Promise<void> {
    await playProject(first, (PROJECT_LIFE_MS * (place + 1)) / PROJECTS_AT_ONCE).catch(projectFailed)
    while (!isOver)
      try {
        const project = await makeProject(product)
        projects.push(project)
        await playProject(project, PROJECT_LIFE_MS)
      } catch (error) {
        await projectFailed(error)
      }
  }

  async function projectFailed(error: unknown): Promise<void> {
    flaws.push(`a project failed: ${messageOf(error)}`)
    await sleep(1_000)
  }

  async function playProject(project: PlayedProject, life_ms: number): Promise<void> {
    const turn: PlayedTurn = { project, begunAt: Date.now(), underWay: new Set(), isResting: false }
    turns.add(turn)
    const rest = async () => {
      turn.isResting = true
      while (turn.underWay.size > 0) await Promise.all(turn.underWay)
    }
    try {
      while (Date.now() < turn.begunAt + life_ms) {
        for (const until = Date.now() + DAYS_PASS_EVERY_MS; !isOver && Date.now() < until;) await sleep(250)
        if (isOver) break
        await rest()
        const days = pick(dayCounts) ?? 1
        await letDaysPass(project, days)
        count('days pass')
        turn.isResting = false
      }
    } finally {
      await rest()
      turns.delete(turn)
    }
    await windUp(project)
  }

  /** Whoever still has a subscription cancels it, pages that are still open are closed, which else would take a day, and time
   *  passes until nothing waits any more. */
  async function windUp(project: PlayedProject): Promise<void> {
    const { client, users } = project
    const left = async () => {
      const shown: SubscriptionShown[] = []
      for (const { userId } of users.values()) {
        const { body } = await ask(client, 'GET', `/api/v1/subscriptions/${userId}`)
        shown.push(...((body.subscriptions ?? []) as SubscriptionShown[]))
      }
      return shown.filter(({ status }) => status !== 'canceled')
    }
    for (const { subscription_id: id } of await left()) {
      const request = { at: 'now', reason: 'The shop closes.' }
      const { status, body } = await ask(client, 'POST', `/api/v1/subscriptions/${id}/cancel`, request)
      count(`ends with its project: ${status < 300 ? 'done' : String(body.code)}`)
    }
    for (const id of [...users.values()].flatMap(({ sessionIds }) => sessionIds))
      if (await atStripe(() => product.stripe.sdk.checkout.sessions.expire(id))) count('a page is closed')
    await rejectRefunds([project])
    for (const days of lastDays) await letDaysPass(project, days)
    await rejectRefunds([project])
    for (const { subscription_id: id, status } of await left())
      flaws.push(`${id} is ${status} after its project was wound up`)
  }

  /** Banks decide what customers have disputed, for one side or the other. */
  async function decideDisputes(): Promise<void> {
    const { stripe } = product
    while (!isOver) {
      await sleep(BANK_DECIDES_EVERY_MS)
      const disputes = await atStripe(() => stripe.sdk.disputes.list({ limit: 100 }))
      for (const { id, status } of disputes?.data ?? [])
        if (!['won', 'lost'].includes(status)) {
          const outcome = random() < 0.5 ? 'won' : 'lost'
          await atStripe(() => stripe.decideDispute(id, outcome))
          count(`a dispute is ${outcome}`)
        }
    }
  }
}
