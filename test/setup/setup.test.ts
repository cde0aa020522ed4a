import { Connection } from '@temporalio/client'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { createKafka } from '../../providers/kafka.ts'
import { ensureEventTopics } from '../../setup/kafka-topics.ts'
import { searchAttributeNames } from '../../setup/search-attribute-names.ts'
import { ensureSearchAttributes } from '../../setup/search-attributes.ts'
import { createDatabase, createNamespace, part } from '../support/stack.ts'

describe('set-up of a deployment', () => {
  it('creates every topic once and leaves the number of partitions alone', async () => {
    const config = { brokers: [part('kafka').brokers], sasl: undefined }
    expect(await ensureEventTopics(config, 9)).toEqual([]) // The run's own set-up made them.
    const admin = createKafka(config).admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['quittance.payments', 'quittance.users'] })
    expect(topics.map((topic) => topic.partitions.length)).toEqual([6, 6])
    await admin.disconnect()
  })

  it('registers the search attributes in a namespace that has none, and repeats without harm', async () => {
    const { address, namespace } = await createNamespace()
    expect(await ensureSearchAttributes({ address, namespace, apiKey: undefined, tls: undefined })).toEqual(
      [],
    )
    const connection = await Connection.connect({ address })
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(searchAttributeNames))
    await connection.close()
  })

  it('gives each test file a migrated database of its own', async () => {
    const [one, other] = await Promise.all([createDatabase(), createDatabase()])
    for (const database of [one, other]) {
      const sql = postgres(database.applicationUrl, { max: 1 })
      const [row] = await sql`select current_user as role, current_database() as name`
      expect(row?.role).toBe('quittance_app')
      await sql.end()
      await database.drop()
    }
    expect(one.applicationUrl).not.toBe(other.applicationUrl)
  })
})
