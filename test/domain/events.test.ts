import { expect, it } from 'vitest'
import { type EventType, messageKey, topicOf, usersTopic } from '../../domain/events.ts'

// Whoever listens names the topics: they can never be called anything else.
it.each<[EventType, string]>([
  ['payment.succeeded', 'quittance.payments'],
  ['payment.refunded', 'quittance.payments'],
  ['subscription.renewed', 'quittance.subscriptions'],
  ['dunning.exhausted', 'quittance.subscriptions'],
  ['refund.succeeded', 'quittance.refunds'],
  ['dispute.opened', 'quittance.refunds'],
  ['credits.consumed', 'quittance.credits'],
  ['entitlement.role_granted', 'quittance.entitlements'],
  ['notice.payment_failed', 'quittance.notices'],
  ['notice.top_up_failed', 'quittance.notices'],
  ['alert.payment_failed', 'quittance.alerts'],
  ['alert.reconciliation_difference', 'quittance.alerts'],
])('%s is told on %s', (type, topic) => {
  expect(topicOf(type)).toBe(topic)
})

it('projects tell us about their users on a topic of its own', () => {
  expect(usersTopic).toBe('quittance.users')
})

it('the messages of one customer share a key, and no two customers do', () => {
  expect(messageKey('prj_1', 'ada')).toBe('prj_1/ada')
})
