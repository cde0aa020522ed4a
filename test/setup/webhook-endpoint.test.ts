import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { API_VERSION } from '../../providers/stripe/api-version.ts'
import { createWebhookEndpoints } from '../../providers/stripe/webhook-endpoint.ts'
import { ensureWebhookEndpoint } from '../../setup/webhook-endpoint.ts'
import { createStripe } from '../support/stack.ts'

let stripe: Awaited<ReturnType<typeof createStripe>>
beforeAll(async () => {
  stripe = await createStripe()
})
afterAll(() => stripe.stop())

const url = (path: string) => `http://127.0.0.1:9/${path}`

describe('the webhook endpoint', () => {
  it('is created once, with the API version of this release, and tells its secret', async () => {
    const created = await ensureWebhookEndpoint({ stripe, url: url('once') })
    expect(created?.secret).toMatch(/^whsec_/)
    expect(await ensureWebhookEndpoint({ stripe, url: url('once') })).toBeUndefined()
    const endpoints = (await createWebhookEndpoints(stripe).list()).filter((one) => one.url === url('once'))
    expect(endpoints.map(({ apiVersion }) => apiVersion)).toEqual([API_VERSION])
  })

  it('follows a changed address and keeps its secret', async () => {
    const created = await ensureWebhookEndpoint({ stripe, url: url('old') })
    const moved = await ensureWebhookEndpoint({ stripe, url: url('new'), known: created })
    expect(moved).toEqual(created)
    const urls = (await createWebhookEndpoints(stripe).list()).map((one) => one.url)
    expect(urls).toContain(url('new'))
    expect(urls).not.toContain(url('old'))
  })

  it('is known by its address alone where only the secret was kept', async () => {
    const created = await ensureWebhookEndpoint({ stripe, url: url('file') })
    const secret = created?.secret ?? ''
    expect(await ensureWebhookEndpoint({ stripe, url: url('file'), known: { secret } })).toEqual(created)
  })

  it('is replaced when its secret is lost, where nobody else can be using it', async () => {
    const created = await ensureWebhookEndpoint({ stripe, url: url('lost') })
    const replaced = await ensureWebhookEndpoint({ stripe, url: url('lost'), replaceUnknown: true })
    expect(replaced?.secret).toMatch(/^whsec_/)
    expect(replaced?.endpointId).not.toBe(created?.endpointId)
    const endpoints = (await createWebhookEndpoints(stripe).list()).filter((one) => one.url === url('lost'))
    expect(endpoints).toHaveLength(1)
  })
})
