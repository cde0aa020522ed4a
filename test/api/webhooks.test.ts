import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi, webhookSecret } from './support/api.ts'

let api: TestApi

beforeAll(async () => {
  api = await createTestApi()
})
beforeEach(() => {
  api.dispatched.length = 0
})
afterAll(() => api.close())

let count = 0
const event = (fields: Record<string, unknown> = {}) => {
  count += 1
  return {
    object: 'event',
    id: `evt_${count}`,
    type: 'checkout.session.completed',
    created: Math.floor(Date.now() / 1000),
    api_version: '2026-01-01',
    livemode: false,
    data: { object: { id: `cs_${count}`, object: 'checkout.session', name: 'José' } },
    ...fields,
  }
}

function sign(body: string, secret = webhookSecret, at = Math.floor(Date.now() / 1000)): string {
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`
}

const deliver = (body: string, signature: string | undefined = sign(body)) =>
  api.call('POST', '/webhooks/stripe', {
    body,
    headers: signature === '' ? {} : { 'Stripe-Signature': signature },
  })

const stored = async (eventId: string) =>
  api.connections.systemClient`select type, object_id, payload from inbox where event_id = ${eventId}`

describe('POST /webhooks/stripe', () => {
  it('stores a genuine event before it answers, and dispatches it', async () => {
    const sent = event()
    const answer = await deliver(JSON.stringify(sent))
    expect(answer).toMatchObject({ status: 200, body: { received: true } })
    expect(await stored(sent.id)).toMatchObject([
      { type: sent.type, object_id: sent.data.object.id, payload: { data: sent.data } },
    ])
    expect(api.dispatched.map(({ eventId }) => eventId)).toEqual([sent.id])
  })

  it('closes an event that wakes nobody in the statement that stores it', async () => {
    const sent = event({ type: 'charge.captured' })
    const body = JSON.stringify(sent)
    for (let time = 1; time <= 2; time += 1) expect(await deliver(body)).toMatchObject({ status: 200 })
    const [row] = await api.connections.systemClient`
      select outcome, attempts, handled_at = received_at as "isAtOnce" from inbox where event_id = ${sent.id}`
    expect(row).toEqual({ outcome: 'not_relevant', attempts: 1, isAtOnce: true })
    expect(api.dispatched).toEqual([])
    expect(api.noted.map(({ eventId }) => eventId)).toEqual([sent.id])
  })

  it('stores an event once however often it is delivered at once', async () => {
    const sent = event()
    const answers = await Promise.all(Array.from({ length: 8 }, () => deliver(JSON.stringify(sent))))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
    expect(await stored(sent.id)).toHaveLength(1)
    expect(api.dispatched).toHaveLength(1)
  })

  it('does nothing when a request is recorded and sent again at once', async () => {
    const sent = event()
    const body = JSON.stringify(sent)
    const signature = sign(body)
    for (const turn of [1, 2, 3]) {
      const answer = await deliver(body, signature)
      expect({ turn, status: answer.status }).toEqual({ turn, status: 200 })
    }
    expect(await stored(sent.id)).toHaveLength(1)
    expect(api.dispatched).toHaveLength(1)
  })

  it('does not let another body in under the id of an event that is stored', async () => {
    const sent = event()
    await deliver(JSON.stringify(sent))
    const forged = { ...sent, data: { object: { ...sent.data.object, id: 'cs_of_somebody_else' } } }
    expect((await deliver(JSON.stringify(forged))).status).toBe(200)
    expect(await stored(sent.id)).toMatchObject([{ object_id: sent.data.object.id }])
    expect(api.dispatched).toHaveLength(1)
  })

  it('takes what either of two secrets has signed while one is rotated, and no third', async () => {
    const rotated = await createTestApi({ database: api.database, webhookSecrets: ['whsec_a', 'whsec_b'] })
    const statusOf = async (secret: string) => {
      const body = JSON.stringify(event())
      const headers = { 'Stripe-Signature': sign(body, secret) }
      return (await rotated.call('POST', '/webhooks/stripe', { body, headers })).status
    }
    expect([await statusOf('whsec_a'), await statusOf('whsec_b')]).toEqual([200, 200])
    expect([await statusOf(webhookSecret), await statusOf('')]).toEqual([400, 400])
    await rotated.close()
  })

  it('keeps events of a type that nobody knows', async () => {
    const sent = event({ type: 'balance.imagined' })
    expect((await deliver(JSON.stringify(sent))).status).toBe(200)
    expect(await stored(sent.id)).toHaveLength(1)
  })

  it('verifies the bytes as they came, not what they mean', async () => {
    const spaced = JSON.stringify(event(), null, 2)
    expect((await deliver(spaced)).status).toBe(200)
    const signature = sign(spaced)
    expect((await deliver(spaced.replaceAll('\n', ''), signature)).status).toBe(400)
  })

  it.each([
    ['no signature', () => ''],
    ['nonsense', () => 'nonsense'],
    ['another secret', (body: string) => sign(body, 'whsec_other')],
    ['another body', () => sign('{}')],
    [
      'a signature that was recorded',
      (body: string) => sign(body, webhookSecret, Math.floor(Date.now() / 1000) - 3600),
    ],
  ])('refuses %s and stores nothing', async (_name, signature) => {
    const sent = event()
    const body = JSON.stringify(sent)
    expect(await deliver(body, signature(body))).toMatchObject({
      status: 400,
      body: { code: 'webhook_signature_invalid' },
    })
    expect(await stored(sent.id)).toHaveLength(0)
    expect(api.dispatched).toHaveLength(0)
  })

  it.each(['{}', 'not json', '[]', '{"object":"event"}'])('refuses the signed non-event %j', async (body) => {
    expect((await deliver(body)).status).toBe(400)
  })

  it('takes a megabyte and no more', async () => {
    const padded = (bytes: number) => {
      const sent = event()
      const spare = bytes - JSON.stringify({ ...sent, padding: '' }).length
      return JSON.stringify({ ...sent, padding: 'x'.repeat(spare) })
    }
    expect((await deliver(padded(1024 * 1024 - 100))).status).toBe(200)
    expect(await deliver(padded(1024 * 1024 + 100))).toMatchObject({
      status: 413,
      body: { code: 'body_too_large' },
    })
  })

  it('logs nothing of the body', () => {
    expect(api.log.join('')).not.toContain('José')
  })

  it('counts what it received', async () => {
    const { values } = await api.metrics.webhooks.get()
    const outcomes = values.map(({ labels }) => `${labels.type} ${labels.outcome}`)
    expect(outcomes).toEqual(
      expect.arrayContaining([
        'checkout.session.completed stored',
        'checkout.session.completed duplicate',
        'unverified refused',
      ]),
    )
  })
})
