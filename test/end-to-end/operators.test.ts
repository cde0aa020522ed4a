import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenApiDocument } from '../api/support/conformance.ts'
import { fill, routesOf } from '../api/support/routes.ts'
import { makeObjects } from '../fuzz/objects.ts'
import { sendCustomers, untilServed } from '../support/customers.ts'
import { eventually } from '../support/eventually.ts'
import { cardNumbersIn, flawsOfTraces, mailDomain, readTraces } from '../support/leaks.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, startProduct } from '../support/product.ts'
import { listWorkflows } from '../support/workflow-health.ts'

let product: Product

beforeAll(async () => {
  // All that can be logged is logged.
  product = await startProduct({ logLevel: 'trace' })
})
afterAll(() => product.end())

describe('an operator', () => {
  it('finds a checkout by project and user, and reads what it waits for', async () => {
    const { client, stripe, temporal, projectId } = product
    const purchase = { user_id: 'ana', plan_id: 'pro' }
    const { payment_id: paymentId, checkout_session_id: sessionId } = await client.openPayment(purchase)
    await client.openPayment({ user_id: 'bia', product_id: 'book' })

    const ofAna = `QuittanceProject = '${projectId}' and QuittanceUser = 'ana'`
    const found = await listWorkflows(product, ofAna)
    expect(found.map(({ workflowId, type }) => ({ workflowId, type }))).toEqual([
      { workflowId: `checkout/${paymentId}`, type: 'checkout' },
    ])
    const ofPlan = await listWorkflows(product, `QuittancePlan = 'pro' and QuittanceStatus = 'pending'`)
    expect(ofPlan.map(({ workflowId }) => workflowId)).toEqual([`checkout/${paymentId}`])

    const handle = temporal.workflow.getHandle(`checkout/${paymentId}`)
    const { staticSummary } = await handle.describe()
    expect(await staticSummary()).toBe('Checkout of user ana: plan pro')
    const readDetails = async () =>
      (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails
    const waiting =
      /^Waiting for the customer to pay\. Looks at Stripe by itself at \d{4}-\d\d-\d\d \d\d:\d\d UTC\./
    expect(await readDetails()).toMatch(waiting)
    expect(await handle.query('state')).toMatchObject({
      status: 'pending',
      waitingFor: 'the customer to pay',
    })

    await stripe.payInVain(sessionId, cards.declined)
    await eventually('the first decline is seen', async () => (await readDetails()).includes('One attempt'))
    await stripe.payInVain(sessionId, cards.insufficientFunds)
    const details = await eventually('the second decline is seen', async () => {
      const text = await readDetails()
      return text.includes('2 attempts') && text
    })
    expect(details).toMatch(waiting)
    expect(details).toMatch(/2 attempts were declined, the last one with insufficient_funds\.$/)
  })
})

describe('personal data', () => {
  it('is neither in histories nor in logs nor on Kafka: no card number and no email', async () => {
    const { client, stripe } = product
    const email = `carla@${mailDomain}`
    const payment = await client.openPayment({ user_id: 'carla', plan_id: 'pro', email })
    await stripe.payInVain(payment.checkout_session_id, cards.declined)
    await stripe.pay(payment.checkout_session_id)
    const customers = await sendCustomers(product, { count: 4, prefix: 'others' })
    const carla = { userId: 'carla', paymentId: payment.payment_id, buysPlan: true }
    expect(await untilServed(product, [carla, ...customers])).toEqual([])

    const traces = await readTraces(product)
    const places = traces.map(({ place }) => place)
    expect(places).toEqual(expect.arrayContaining([`checkout/${payment.payment_id}`, ...product.logFiles]))
    expect(await flawsOfTraces(product)).toEqual([])
    // The search itself reads payloads and finds numbers.
    const history = traces.find(({ place }) => place === `checkout/${payment.payment_id}`)
    expect(history?.text).toContain(payment.checkout_session_id)
    expect(cardNumbersIn(`"number":"${cards.good}", 4242 4242 4242 4242`)).toHaveLength(2)
  })

  it('is told by no route that reads: no card number, though every card was charged', async () => {
    const { projectId, known } = await makeObjects(product)
    const named = Object.fromEntries(
      Object.entries(known).map(([place, values]) => [place.replace('path.', ''), values[0] ?? '']),
    )
    const { body } = await product.operator.call('GET', '/openapi.json')
    const routes = routesOf(body as unknown as OpenApiDocument).filter(({ method }) => method === 'GET')
    expect(routes.length).toBeGreaterThan(20)
    for (const { name, path, query } of routes) {
      const address = fill(path, named) + (query.includes('format') ? '?format=csv' : '')
      const answer = await product.operator.call('GET', address, { headers: { 'X-Project-ID': projectId } })
      const numbers = cardNumbersIn(JSON.stringify(answer.body))
      expect({ name, status: answer.status, numbers }).toEqual({ name, status: 200, numbers: [] })
    }
  })
})
