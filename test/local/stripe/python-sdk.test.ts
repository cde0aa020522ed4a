import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { sdkFor } from './support/sdk-session.ts'

const run = promisify(execFile)

const script = `
import stripe, sys
client = stripe.StripeClient('sk_test_python', base_addresses={'api': sys.argv[1]})
customer = client.v1.customers.create(params={'email': 'ada@example.com', 'metadata': {'user': 'usr_1'}})
session = client.v1.checkout.sessions.create(params={
    'mode': 'payment',
    'customer': customer.id,
    'success_url': 'https://shop.example.com/',
    'line_items': [{'quantity': 1, 'price_data': {
        'currency': 'usd', 'unit_amount': 2500, 'product_data': {'name': 'A pot of tea'}}}],
})
assert session.amount_total == 2500 and session.customer == customer.id
try:
    client.v1.customers.retrieve('cus_unknown0000')
except stripe.InvalidRequestError as error:
    assert error.http_status == 404 and error.code == 'resource_missing'
print(customer.id, session.id)
`

const folder = await mkdtemp(join(tmpdir(), 'stripe-python-'))
const unavailable = await run(
  'python3',
  ['-m', 'pip', 'install', '--quiet', '--target', folder, 'stripe==16.1.0'],
  {
    timeout: 60_000,
  },
).then(
  () => undefined,
  (error: unknown) => `skipped: pip could not install the SDK: ${String(error).split('\\n')[0]}`,
)

describe(`the SDK of another language works with the local Stripe${unavailable ? ` (${unavailable})` : ''}`, () => {
  afterAll(() => rm(folder, { recursive: true }))

  it.skipIf(unavailable)(
    'creates a customer and a checkout session from Python',
    { timeout: 30_000 },
    async () => {
      const server = await startLocalStripe({ port: 0 })
      const { stdout } = await run('python3', ['-c', script, server.url], {
        env: { ...process.env, PYTHONPATH: folder },
      })
      const [customer = '', session = ''] = stdout.trim().split(' ')
      const stripe = sdkFor(server.url)
      await expect(stripe.customers.retrieve(customer)).resolves.toMatchObject({
        metadata: { user: 'usr_1' },
      })
      await expect(stripe.checkout.sessions.retrieve(session)).resolves.toMatchObject({ status: 'open' })
      await server.close()
    },
  )
})
