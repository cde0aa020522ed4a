import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { createKafka } from '../../providers/kafka.ts'
import { ensureReconcileSchedule, RECONCILE_SCHEDULE } from '../../setup/reconcile-schedule.ts'
import { ensureEventTopics } from '../../setup/kafka-topics.ts'
import { searchAttributeNames } from '../../setup/search-attribute-names.ts'
import { ensureSearchAttributes } from '../../setup/search-attributes.ts'
import { eventually } from '../support/eventually.ts'
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

  it('has books compared again and again, as often as is configured, and repeats without harm', async () => {
    const { address, namespace } = await createNamespace()
    const config = { address, namespace, apiKey: undefined, tls: undefined }
    const connection = await Connection.connect({ address })
    const schedule = new Client({ connection, namespace }).schedule.getHandle(RECONCILE_SCHEDULE)
    for (const minutes of [60, 60, 15]) {
      await ensureReconcileSchedule(config, minutes)
      const { spec, action, policies } = await schedule.describe()
      expect(spec.intervals).toMatchObject([{ every: minutes * 60_000 }])
      expect(action).toMatchObject({ workflowType: 'reconcile', workflowId: 'reconcile/scheduled' })
      expect(policies.overlap).toBe('SKIP')
    }
    await schedule.trigger()
    const started = await eventually('the schedule has started a run', async () => {
      const { info } = await schedule.describe()
      return info.recentActions[0]
    })
    expect(started.action).toMatchObject({
      workflow: { workflowId: expect.stringMatching(/^reconcile\/scheduled-20\d\d-/) },
    })
    await ensureReconcileSchedule(config, 0)
    await expect(schedule.describe()).rejects.toThrow(ScheduleNotFoundError)
    await ensureReconcileSchedule(config, 0)
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
