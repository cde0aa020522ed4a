import { randomUUID } from 'node:crypto'
import { mintId } from '../db/mint-id.ts'
import type { EventDraft } from '../domain/events.ts'

/** An event like those of every payment. */
export const eventOfPayment = (userId: string): EventDraft => ({
  type: 'payment.created',
  subject: mintId('pay'),
  data: {
    payment_id: mintId('pay'),
    payment_type: 'one_time',
    status: 'pending',
    user_id: userId,
    amount: 4_900,
    currency: 'brl',
    product_id: 'report',
    quantity: 1,
    metadata: { order: randomUUID() },
  },
})

/** As long as an envelope of such an event, for those who send what the product has not written. */
export const sampleEnvelope = (userId: string): string =>
  JSON.stringify({
    specversion: '1.0',
    id: mintId('ev'),
    type: 'com.quittance.payment.created',
    source: `/projects/${mintId('prj')}`,
    subject: mintId('pay'),
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: 'urn:quittance:event:payment.created:v1',
    projectid: mintId('prj'),
    correlationid: randomUUID(),
    sequence: 1,
    recordedtime: new Date().toISOString(),
    data: eventOfPayment(userId).data,
  })
