import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { awaitedCalls } from './support/awaited-calls.ts'
import { playFlow } from './support/play-flow.ts'
import { rawClient } from './support/raw-client.ts'
import { loadRecordings } from './support/recordings.ts'

const recordings = loadRecordings()
const flows = recordings ?? []
const flowNames = flows.map(({ name }) => name)

describe('the local Stripe answers as Stripe did', () => {
  let stripe: Awaited<ReturnType<typeof startLocalStripe>>
  beforeAll(async () => {
    stripe = await startLocalStripe({ port: 0 })
  })
  afterAll(() => stripe.close())

  const differencesIn = (flowName: string) => {
    const flow = flows.find(({ name }) => name === flowName)
    if (!flow) throw new Error(`No recording is named ${flowName}`)
    return playFlow(flow, flows, rawClient(stripe.url))
  }

  it.skipIf(!recordings)('finds the real answers in ../shared/stripe-recordings', () => {
    expect(flowNames).not.toEqual([])
  })

  it.each(flowNames.filter((name) => !(name in awaitedCalls)))('%s', async (name) => {
    expect((await differencesIn(name)).join('\n')).toBe('')
  })

  it.skipIf(!recordings).each(Object.entries(awaitedCalls))('%s awaits %s', async (name) => {
    expect(await differencesIn(name), 'passes now: take it off the list of awaited calls').not.toEqual([])
  })
})
