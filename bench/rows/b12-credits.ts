import { randomUUID } from 'node:crypto'
import { consumeCredits } from '../../db/consume-credits.ts'
import { eventually } from '../../test/support/eventually.ts'
import { expectStatus } from '../http-client.ts'
import { load, percentilesOf } from '../load.ts'
import { percentileFigures, type Row } from '../row.ts'
import type { Stack } from '../stack.ts'

const AT_ONCE = 32
const WALLETS = 64
const FUNDS = 1_000_000_000_000

const overHttp = { figure: 'POST …/consume, one at a time', count: 300 }
const oneWallet = { figure: `one wallet, ${AT_ONCE} at once`, count: 2_000 }
const manyWallets = { figure: `${WALLETS} wallets, ${AT_ONCE} at once`, count: 3_000 }

/** From the request to the commit, with lots, ledger, transaction and event. */
export const credits: Row = {
  id: 'B12',
  name: 'Credits consumed, each usage once',
  bareProgram:
    'over HTTP: node:http, one SELECT for the key and one UPDATE of a balance; without HTTP: that UPDATE alone, in as many round trips (one). No usage is remembered, nothing is entered or told',
  whyMore:
    'A usage is remembered, lots are spent soonest to expire first, and a transaction, a ledger entry and an event are written with it, in the one statement in which the bare program changes a number. Next: write the two transfers of an entry as one row.',
  figures: [
    ...percentileFigures(overHttp.figure, { p50: { oursAtMost: 10 }, p99: { oursAtMost: 50 } }),
    ...percentileFigures(oneWallet.figure, {}),
    { name: oneWallet.figure, unit: 'per second', aim: { ratioAtLeast: 0.1 } },
    ...percentileFigures(manyWallets.figure, {}),
    { name: manyWallets.figure, unit: 'per second', aim: { ratioAtLeast: 0.1 } },
  ],

  async prepare(stack) {
    const { ours, bare } = stack
    const users = Array.from({ length: WALLETS }, (_, index) => `consumer-${index}`)
    for (const user of users) await fund(stack, user)

    const measure = async (
      post: (user: string) => Promise<unknown>,
      consume: (user: string) => Promise<unknown>,
    ) => {
      const user = (index: number) => users[index % WALLETS] ?? ''
      const [first = ''] = users
      const alone = await load({ count: overHttp.count, atOnce: 1 }, async (index) => {
        await post(user(index))
      })
      const one = await load({ count: oneWallet.count, atOnce: AT_ONCE }, async () => {
        await consume(first)
      })
      const many = await load({ count: manyWallets.count, atOnce: AT_ONCE }, async (index) => {
        await consume(user(index))
      })
      return {
        ...percentilesOf(alone, overHttp.figure),
        ...percentilesOf(one, oneWallet.figure),
        [oneWallet.figure]: one.perSecond,
        ...percentilesOf(many, manyWallets.figure),
        [manyWallets.figure]: many.perSecond,
      }
    }
    return {
      async ours() {
        const sample = await measure(
          async (user) => {
            const body = JSON.stringify({ amount: 1, usage_id: randomUUID() })
            const path = `/api/v1/wallets/${user}/consume`
            expectStatus(200, await ours.http.post(path, body, authorized(stack)))
          },
          (user) =>
            consumeCredits(ours.connections.application, {
              projectId: ours.project.projectId,
              userId: user,
              livemode: false,
              usageId: randomUUID(),
              amount: 1,
              description: undefined,
              actor: 'bench',
              correlationId: 'bench',
            }),
        )
        // What is still to be published must not be measured with the other side.
        await eventually(
          'every event is published',
          async () => {
            const [waiting] = await ours.sql`select 1 from outbox where published_at is null limit 1`
            return waiting === undefined
          },
          { within_ms: 120_000 },
        )
        return sample
      },
      bare: () =>
        measure(
          async (user) =>
            expectStatus(200, await bare.http.post('/consume', JSON.stringify({ userId: user, amount: 1 }))),
          (user) =>
            bare.sql`update wallets set balance = balance - 1 where user_id = ${user} and balance >= 1 returning balance`,
        ),
    }
  },
}

const authorized = ({ ours }: Stack) => ({ authorization: `Bearer ${ours.project.apiKey}` })

async function fund(stack: Stack, user: string): Promise<void> {
  const grant = { amount: FUNDS, kind: 'bonus', reason: 'To be measured', grant_id: 'funds' }
  const path = `/api/v1/wallets/${user}/grant`
  expectStatus(200, await stack.ours.http.post(path, JSON.stringify(grant), authorized(stack)))
  await stack.bare.sql`insert into wallets (user_id, balance) values (${user}, ${FUNDS})`
}
