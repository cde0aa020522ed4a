import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAttemptPayment } from '../../activities/attempt-payment.ts'
import { createRecordDunningStep } from '../../activities/dunning-steps.ts'
import { createRecordTrialNotice } from '../../activities/record-trial-notice.ts'
import { inProject } from '../../db/client.ts'
import { findSubscription, updateSubscription } from '../../db/subscriptions.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { composeNotice, type NoticeData } from '../../domain/notices.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { declinedAttempt } from '../support/snapshots.ts'
import { recorded } from './recorded.ts'
import { createStage, DAY, MONTH, sell as sellOn, soldAt, type Stage } from './sold.ts'

let seeded: Seeded
let stage: Stage
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase(10)
  stage = createStage(seeded)
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
  stage.state.at = soldAt
  stage.state.cards = []
})
const sell = () => sellOn(stage, seeded, projectId)

/** The mails that customers get of what was told, in order: the kind of each, and its text. */
async function mails(): Promise<[kind: string, text: string][]> {
  const { events } = await recorded(seeded, projectId)
  return events
    .filter(({ type }) => type.startsWith('com.quittance.notice.'))
    .map(({ type, data }) => [
      type.replace('com.quittance.notice.', ''),
      composeNotice(data as unknown as NoticeData, 'Acme').text,
    ])
}

describe('a customer is told the truth', () => {
  it('of a trial that ends with the subscription', async () => {
    const { look, subject } = await sell()
    const trialEnd = soldAt + 14 * DAY
    await look(1, { status: 'trialing', trialEnd, currentPeriodEnd: trialEnd, cancelAtPeriodEnd: true })
    await createRecordTrialNotice(stage.dependencies)(subject)
    const [, [kind, text] = []] = await mails()
    expect(kind).toBe('trial_will_end')
    expect(text).toContain('nothing will be charged')
    expect(text).not.toMatch(/will be charged, and|goes on/)
  })

  it('of a pause until a date: access is gone until then', async () => {
    const { look, subject } = await sell()
    await look(1)
    const pausedUntil = new Date(soldAt + 10 * DAY)
    await inProject(seeded.connections.application, projectId, async (transaction) => {
      const found = await findSubscription(transaction, projectId, subject.subscriptionId)
      if (found) await updateSubscription(transaction, found.subscription, { pausedUntil })
    })
    await look(1, { status: 'paused' })
    const [[kind, text] = []] = await mails()
    expect(kind).toBe('subscription_paused')
    expect(text).toContain('You have no access until it goes on by itself on 11 January 2020, 10:00 UTC.')
    expect(text).not.toContain('You keep access')
  })

  it('of an end to come, when it is asked for, and of the end', async () => {
    const { look } = await sell()
    await look(1)
    await look(1, { cancelAtPeriodEnd: true })
    await look(1, { cancelAtPeriodEnd: true })
    expect((await mails()).map(([kind]) => kind)).toEqual(['subscription_canceled'])
    await look(1, { status: 'canceled', cancelAtPeriodEnd: true, endedAt: soldAt + MONTH })
    const told = await mails()
    expect(told.map(([kind]) => kind)).toEqual(['subscription_canceled', 'subscription_canceled'])
    expect(told[0]?.[1]).toContain('You keep access until 31 January 2020, 10:00 UTC.')
    expect(told[1]?.[1]).toContain('You no longer have access')
  })

  it('of an end to come that is taken back and wished again, each time', async () => {
    const { look } = await sell()
    await look(1)
    for (const cancelAtPeriodEnd of [true, false, true]) await look(1, { cancelAtPeriodEnd })
    expect((await mails()).map(([kind]) => kind)).toEqual(['subscription_canceled', 'subscription_canceled'])
  })

  it('and hears of no end to come while something is owed', async () => {
    const { look, fail, invoice } = await sell()
    await look(1)
    const { failedAt } = await fail()
    const latestInvoice = invoice(2, { status: 'open', finalizedAt: failedAt })
    await look(2, { status: 'past_due', cancelAtPeriodEnd: true, latestInvoice })
    expect((await mails()).map(([kind]) => kind)).toEqual(['payment_failed'])
  })

  it('of a card that the bank has refused for good: it is not tried again, and another one is asked for', async () => {
    const { look, fail, subject, invoice } = await sell()
    await look(1)
    const failedAt = soldAt + MONTH + 3_600_000
    const attempt = declinedAttempt(failedAt, { declineCode: 'expired_card', paymentMethodId: 'pm_gone' })
    const { invoiceId } = await fail(2, { attempts: [attempt], invoiceId: invoice(2).invoiceId })
    await createRecordDunningStep(stage.dependencies)({
      ...subject,
      invoiceId,
      step: { kind: 'notice', retry: 1 },
    })
    const told = await mails()
    expect(told.map(([kind]) => kind)).toEqual(['payment_failed', 'no_payment_method'])
    expect(told[0]?.[1]).toContain('We will not charge this card again by ourselves.')
    for (const [, text] of told) expect(text).not.toMatch(/try again|charge your card again/)
  })

  it('of a retry that another card is there for', async () => {
    const { look, fail, subject } = await sell()
    await look(1)
    stage.state.cards = [{ paymentMethodId: 'pm_new', answer: 'insufficient_funds' }]
    const failedAt = soldAt + MONTH + 3_600_000
    const attempt = declinedAttempt(failedAt, { declineCode: 'expired_card', paymentMethodId: 'pm_gone' })
    const { invoiceId } = await fail(2, { attempts: [attempt] })
    await createAttemptPayment(stage.dependencies)({
      ...subject,
      invoiceId,
      intent: 'schedule/1',
      trigger: 'schedule',
      retriesDone: 1,
      cause: { by: 'quittance' },
    })
    expect((await mails()).at(-1)?.[1]).toContain('We will try again on 5 February 2020')
  })
})
