import { describe, expect, it } from 'vitest'
import {
  differenceKey,
  differenceKindNames,
  explanationOf,
  remedyOf,
  type Stage,
  stageAfter,
  stageDescriptions,
  stages,
} from '../../domain/reconciliation.ts'

describe('what is done about a difference', () => {
  // Whatever is not named here needs a person: it may never be repaired by itself.
  it('is repaired by looking only where Stripe is right and a workflow owns the object', () => {
    expect(differenceKindNames.filter((kind) => remedyOf(kind) === 'look')).toEqual([
      'subscription_missing_here',
      'subscription_canceled_unseen',
      'subscription_status_differs',
      'subscription_price_differs',
      'subscription_quantity_differs',
      'subscription_period_differs',
      'subscription_ending_differs',
      'invoice_paid_unseen',
      'invoice_void_unseen',
      'invoice_unpaid_unseen',
      'charge_without_payment',
      'refund_unknown',
      'refund_status_differs',
      'dispute_unknown',
      'dispute_status_differs',
    ])
  })

  it('is taken in where the balance has changed, and is for a person in all other cases', () => {
    expect(differenceKindNames.filter((kind) => remedyOf(kind) === 'take_in')).toEqual([
      'balance_transaction_missing',
    ])
    const others = differenceKindNames.filter((kind) => !['look', 'take_in'].includes(remedyOf(kind)))
    expect(new Set(others.map(remedyOf))).toEqual(new Set(['person']))
  })

  it.each(differenceKindNames)('is explained in a whole sentence: %s', (kind) => {
    expect(explanationOf(kind)).toMatch(/^[A-Z].*\.$/)
  })
})

describe('a difference', () => {
  it('is the same in the next run when its kind and its object are', () => {
    const kind = 'refund_status_differs'
    expect(differenceKey({ kind, stripeId: 're_1', subjectId: 'rfd_1' })).toBe('refund_status_differs/re_1')
    expect(differenceKey({ kind, subjectId: 'rfd_1' })).toBe('refund_status_differs/rfd_1')
    expect(differenceKey({ kind: 'balance_differs' })).toBe('balance_differs/')
  })
})

describe('the stages of a run', () => {
  it('take in first, compare each side with the other, repair, and compare the balance last', () => {
    const run: Stage[] = []
    for (let stage: Stage | undefined = 'take_in'; stage; stage = stageAfter(stage)) run.push(stage)
    expect(run).toEqual(stages)
    expect([run[0], ...run.slice(-2)]).toEqual(['take_in', 'repair', 'balance'])
  })

  it.each(stages)('say what they do: %s', (stage) => {
    expect(stageDescriptions[stage]).toMatch(/^[A-Z].*[a-z]$/)
  })
})
