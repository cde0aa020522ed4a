import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { type OwnServers, startOwnServers } from '../support/own-servers.ts'
import { type Product, startProduct } from '../support/product.ts'

let own: OwnServers
let product: Product

beforeAll(async () => {
  own = await startOwnServers()
  product = await startProduct({ servers: own.servers })
})
afterAll(async () => {
  await product.end()
  await own.end()
})

describe('a server that is killed while customers come and pay', () => {
  it.for(['kafka', 'temporal', 'postgres'] as const)(
    'and comes back has cost nobody anything: %s',
    { timeout: 240_000 },
    async (name) => {
      const server = own[name]
      const arriving = sendCustomers(product, { count: 30, prefix: name, every_ms: 100 })
      await sleep(1_500)
      await server.kill()
      await sleep(1_000)
      // Postgres refuses to start for as long as one of its processes has not noticed that the first is gone.
      await eventually(`${name} is back`, () => server.start().then(() => true), { within_ms: 60_000 })
      expect(await untilServed(product, await arriving)).toEqual([])
      expect(await findFlaws(product)).toEqual([])
    },
  )
})
