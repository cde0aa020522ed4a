import { expect, it } from 'vitest'
import { needsCard } from '../../domain/payment-methods.ts'
import type { SubscriptionStatus } from '../../domain/subscription.ts'

// The last one: what only lives out its period is charged no more, but what it owes still is.
it.each<[SubscriptionStatus, boolean, boolean]>([
  ['incomplete', true, false],
  ['trialing', true, false],
  ['active', true, false],
  ['paused', true, false],
  ['past_due', true, true],
  ['canceled', false, false],
])('a subscription that is %s needs a card: %s; when it ends with its period: %s', (status, goesOn, ends) => {
  expect(needsCard({ status, cancelAtPeriodEnd: false })).toBe(goesOn)
  expect(needsCard({ status, cancelAtPeriodEnd: true })).toBe(ends)
})
