import { describe, expect, it } from 'vitest'
import {
  type DisputeStatus,
  disputeStatuses,
  isClosed,
  isInquiry,
  needsResponse,
  nextDisputeLook,
  nextReminder,
  reinstatedTransfers,
  withdrawnTransfers,
} from '../../domain/disputes.ts'
import { brl } from '../support/snapshots.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const due = 10 * DAY

describe('a dispute', () => {
  it.each<[DisputeStatus, string]>([
    ['warning_needs_response', 'needs an answer to a question'],
    ['warning_under_review', 'is open, a question'],
    ['warning_closed', 'is closed, a question'],
    ['needs_response', 'needs an answer'],
    ['under_review', 'is open'],
    ['won', 'is closed'],
    ['lost', 'is closed'],
    ['prevented', 'is closed'],
  ])('with the status %s %s', (status, meaning) => {
    expect(isClosed(status)).toBe(meaning.includes('closed'))
    expect(needsResponse(status)).toBe(meaning.includes('answer'))
    expect(isInquiry(status)).toBe(meaning.includes('question'))
  })

  it('is never closed while an answer is waited for', () => {
    for (const status of disputeStatuses) expect(isClosed(status) && needsResponse(status)).toBe(false)
  })

  it('takes the money away, and brings it back when it is won', () => {
    expect(withdrawnTransfers(brl(500))).toEqual([
      { debit: 'disputes', credit: 'stripe_balance', amount: brl(500) },
    ])
    expect(reinstatedTransfers(brl(500))).toEqual([
      { debit: 'stripe_balance', credit: 'disputes', amount: brl(500) },
    ])
  })
})

describe('the reminders that evidence is due', () => {
  it.each<[string, number, { at: number; ordinal: number } | undefined]>([
    ['long before', 0, { at: 7 * DAY, ordinal: 1 }],
    ['right before the first', 7 * DAY - 1, { at: 7 * DAY, ordinal: 1 }],
    ['with the first', 7 * DAY, { at: 9 * DAY, ordinal: 2 }],
    ['with the second', 9 * DAY, { at: due - 6 * HOUR, ordinal: 3 }],
    ['with the last', due - 6 * HOUR, undefined],
    ['when it is too late', due + DAY, undefined],
  ])('come three days, a day and six hours before: asked %s', (_when, now, next) => {
    expect(nextReminder(due, now)).toEqual(next)
  })
})

describe('the next look at a dispute', () => {
  it.each<[string, number | undefined, number, number]>([
    ['in two days', undefined, 0, 2 * DAY],
    ['in two days when evidence is due later', due, 0, 2 * DAY],
    ['an hour after evidence was due', due, due - DAY, due + HOUR],
    ['still an hour after it, when it is due now', due, due, due + HOUR],
    ['in two days from the look after it on', due, due + HOUR, due + HOUR + 2 * DAY],
  ])('comes %s', (_when, evidenceDueAt, now, at) => {
    expect(nextDisputeLook({ evidenceDueAt, now })).toBe(at)
  })
})
