import { appendFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { textAt } from './support/json.ts'
import { sdkFor, type LocalStripe } from './support/sdk-session.ts'
import { openWebhookSink, type WebhookSink } from './support/webhook-sink.ts'

describe('a local Stripe with a state file goes on where it was', () => {
  let folder: string
  let stateFile: string
  let local: LocalStripe
  let sink: WebhookSink
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'local-stripe-'))
    stateFile = join(folder, 'state.jsonl')
    local = await startLocalStripe({ stateFile })
    sink = await openWebhookSink()
  })
  afterEach(async () => {
    await local.close()
    await sink.close()
    rmSync(folder, { recursive: true })
  })
  const restart = async () => {
    await local.close()
    local = await startLocalStripe({ stateFile })
    return sdkFor(local.url)
  }

  it('delivers after the restart what was not delivered before', async () => {
    const stripe = sdkFor(local.url)
    await stripe.webhookEndpoints.create({ url: sink.url, enabled_events: ['customer.created'] })
    sink.answers.push(500)
    const { id } = await stripe.customers.create({})
    await sink.until(({ length }) => length === 1, 'the first try')
    await restart()
    const [first, again] = await sink.until(({ length }) => length === 2, 'the second try')
    expect(textAt(again?.event ?? {}, 'id')).toBe(textAt(first?.event ?? {}, 'id'))
    expect(again?.rawBody).toContain(id)
  })

  it('replays what an idempotency key was answered', async () => {
    const create = (stripe: ReturnType<typeof sdkFor>) =>
      stripe.customers.create({ name: 'Ana' }, { idempotencyKey: 'customer/ana' })
    const { id } = await create(sdkFor(local.url))
    const again = await create(await restart())
    expect(again.id).toBe(id)
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true')
  })

  it('is not confused by a line that a crash cut short', async () => {
    const { id } = await sdkFor(local.url).customers.create({ name: 'Ana' })
    await local.close()
    appendFileSync(stateFile, '["customer","cus_half",{"id":"cus_ha')
    const stripe = await restart()
    expect(await stripe.customers.retrieve(id)).toMatchObject({ name: 'Ana' })
    await expect(stripe.customers.retrieve('cus_half')).rejects.toThrow('No such customer')
  })

  it('forgets what was removed', async () => {
    const stripe = sdkFor(local.url)
    const { id } = await stripe.webhookEndpoints.create({ url: sink.url, enabled_events: ['*'] })
    await stripe.webhookEndpoints.del(id)
    expect((await (await restart()).webhookEndpoints.list()).data).toEqual([])
  })

  it('refuses a file of another version, and says what to do', async () => {
    const file = join(folder, 'old.jsonl')
    writeFileSync(file, '["customers","cus_1",{"id":"cus_1"}]\n')
    await expect(startLocalStripe({ stateFile: file })).rejects.toThrow(/another version.*--fresh/)
  })
})
