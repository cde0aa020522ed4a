import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import type { LocalStripe } from './support/sdk-session.ts'

describe('the settings of the account', () => {
  let local: LocalStripe
  beforeEach(async () => {
    local = await startLocalStripe({ settings: { upcoming_invoice_days: 3 } })
  })
  afterEach(() => local.close())

  const send = async (method: string, body?: object) => {
    const init = { method, ...(body && { body: JSON.stringify(body) }) }
    const response = await fetch(`${local.url}/_local/settings`, init)
    const answer: unknown = await response.json()
    return { status: response.status, body: answer }
  }

  it('are those of the start until some are changed', async () => {
    const started = { retry_days: [3, 5, 7], after_last_retry: 'past_due', upcoming_invoice_days: 3 }
    expect(await send('GET')).toMatchObject({ status: 200, body: started })
    const changed = { ...started, retry_days: [] }
    expect(await send('POST', { retry_days: [] })).toMatchObject({ status: 200, body: changed })
    expect(await send('GET')).toMatchObject({ body: changed })
  })

  it.each([
    [{ retry_days: [5, 3] }, 'retry_days'],
    [{ retry_days: [0] }, 'retry_days'],
    [{ retry_days: 'never' }, 'retry_days'],
    [{ after_last_retry: 'pause' }, 'after_last_retry'],
    [{ upcoming_invoice_days: -1 }, 'upcoming_invoice_days'],
    [{ smart_retries: true }, 'smart_retries'],
  ])('refuse %j', async (given, param) => {
    expect(await send('POST', given)).toMatchObject({ status: 400, body: { error: { param } } })
  })
})
