import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintId } from '../../db/mint-id.ts'
import { listParkedStreams } from '../../db/outbox-publishing.ts'
import { messageKey, topics } from '../../domain/events.ts'
import { createEventPublisher } from '../../providers/kafka.ts'
import { startRelay } from '../../worker/relay.ts'
import { readKafka } from '../support/kafka-reader.ts'
import { type OwnKafka, startOwnKafka } from '../support/own-kafka.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'
import { commitEvents, oneTo, sequencesByKey, silent, unpublishedCount, until } from './fixtures.ts'

let kafka: OwnKafka
let database: Seeded

beforeAll(async () => {
  ;[kafka, database] = await Promise.all([startOwnKafka(), openDatabase()])
}, 120_000)
afterAll(async () => {
  await Promise.all([kafka.end(), database.close()])
})

describe('the relay over a real broker', () => {
  it(
    'survives the broker being killed under it, and everything arrives in order',
    { timeout: 90_000 },
    async () => {
      const { application, system } = database.connections
      const projectId = mintId('prj')
      const publisher = createEventPublisher({ brokers: [kafka.brokers], sasl: undefined })
      const relay = startRelay({
        connections: database.connections,
        publisher,
        logger: silent,
        interval_ms: 200,
      })
      const users = oneTo(10).map((number) => `user-${number}`)
      const commitRounds = async (rounds: number) => {
        for (let round = 0; round < rounds; round += 1)
          await Promise.all(users.map((user) => commitEvents(application, projectId, user)))
      }

      await commitRounds(5)
      await until('the first are out', async () => (await unpublishedCount(system)) === 0)
      const committing = commitRounds(20)
      await kafka.kill()
      await committing
      expect(await unpublishedCount(system)).toBeGreaterThan(0)
      await until('the relay has noticed', () => relay.stats().failuresInARow > 0)

      await kafka.restart()
      await until('it has caught up', async () => (await unpublishedCount(system)) === 0, 30_000)
      await commitEvents(application, projectId, 'user-1', { note: 'x'.repeat(1_200_000) })
      await commitRounds(1)
      await until('one key is parked', async () => (await listParkedStreams(system)).length === 1)
      await until('the others go on', async () => (await unpublishedCount(system)) === 2)
      await relay.stop()
      await publisher.close()

      const reader = await readKafka(kafka.brokers, [topics.payments])
      await until('all was read', () => reader.messages.length >= users.length * 26 - 1)
      await reader.stop()
      const read = sequencesByKey(reader.messages)
      expect(read).toEqual(
        new Map(users.map((user) => [messageKey(projectId, user), oneTo(user === 'user-1' ? 25 : 26)])),
      )
    },
  )
})
