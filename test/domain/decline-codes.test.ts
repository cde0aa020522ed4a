import { readFileSync } from 'node:fs'
import path from 'node:path'
import { assert, constantFrom, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  adviceCodes,
  declineCodes,
  type DeclineRule,
  describeDecline,
  explainDecline,
  judgeDecline,
} from '../../domain/decline-codes.ts'
import { declines } from '../../local/stripe/objects/test-cards.ts'

describe('what a decline allows', () => {
  it.each([
    ['insufficient_funds', 'retry_later'],
    ['do_not_honor', 'retry_later'],
    ['generic_decline', 'retry_later'],
    ['processing_error', 'retry_later'],
    ['expired_card', 'other_card'],
    ['stolen_card', 'other_card'],
    ['fraudulent', 'other_card'],
    ['authentication_required', 'authenticate'],
    ['authentication_not_handled', 'authenticate'],
  ] as const)('%s alone: %s', (declineCode, verdict) => {
    expect(judgeDecline({ declineCode })).toBe(verdict)
  })

  it('follows the advice of the bank rather than the reason that it gives', () => {
    expect(judgeDecline({ declineCode: 'insufficient_funds', adviceCode: 'do_not_try_again' })).toBe(
      'other_card',
    )
    expect(judgeDecline({ declineCode: 'generic_decline', adviceCode: 'confirm_card_data' })).toBe(
      'other_card',
    )
    expect(judgeDecline({ declineCode: 'expired_card', adviceCode: 'try_again_later' })).toBe('retry_later')
    expect(judgeDecline({ adviceCode: 'try_again_later' })).toBe('retry_later')
  })

  it('never charges again without the customer where the customer must act, whatever is advised', () => {
    for (const adviceCode of ['try_again_later', 'confirm_card_data', 'something_new'])
      expect(judgeDecline({ declineCode: 'authentication_required', adviceCode })).toBe('authenticate')
    expect(judgeDecline({ declineCode: 'authentication_required', adviceCode: 'do_not_try_again' })).toBe(
      'other_card',
    )
  })

  // https://docs.stripe.com/billing/revenue-recovery/smart-retries
  it.each([
    'incorrect_number',
    'lost_card',
    'pickup_card',
    'stolen_card',
    'revocation_of_authorization',
    'revocation_of_all_authorizations',
    'authentication_required',
    'highest_risk_level',
    'transaction_not_allowed',
  ])('never retries %s, as Stripe never does, even when advised to', (declineCode) => {
    expect(judgeDecline({ declineCode, adviceCode: 'try_again_later' })).not.toBe('retry_later')
  })

  it('tries again on schedule what it does not know', () => {
    expect(judgeDecline({})).toBe('retry_later')
    expect(judgeDecline({ declineCode: 'a_code_of_next_year', adviceCode: 'an_advice_of_next_year' })).toBe(
      'retry_later',
    )
    expect(judgeDecline({ declineCode: 'constructor', adviceCode: 'toString' })).toBe('retry_later')
  })

  it('never softens what an advice forbids', () => {
    assert(
      property(oneof(string(), constantFrom(...Object.keys(declineCodes))), (declineCode) => {
        expect(judgeDecline({ declineCode, adviceCode: 'do_not_try_again' })).toBe('other_card')
      }),
    )
  })

  it('knows every code that the test cards of Stripe give', () => {
    for (const { declineCode } of Object.values(declines))
      expect(declineCodes).toHaveProperty(declineCode ?? '')
  })
})

describe('the words of a decline', () => {
  it('are plain English for operators', () => {
    expect(describeDecline('insufficient_funds')).toBe('insufficient funds')
    expect(describeDecline('a_code_of_next_year')).toBe('a code of next year')
    expect(describeDecline(undefined)).toBe('no reason given')
    for (const { words } of Object.values(declineCodes)) expect(words).toMatch(/^[^_]+[^.]$/)
  })

  // https://docs.stripe.com/declines/codes: these must look like a generic decline to whoever holds the card.
  it.each(['lost_card', 'stolen_card', 'fraudulent', 'merchant_blacklist', 'pickup_card', 'restricted_card'])(
    'keep %s from the customer',
    (code) => {
      expect(explainDecline(code)).toBe(explainDecline('generic_decline'))
    },
  )

  it('tell the customer what the customer can mend', () => {
    expect(explainDecline('expired_card')).toBe('Your card has expired.')
    expect(explainDecline(undefined)).toBe('Your bank declined the payment.')
    expect(explainDecline('a_code_of_next_year')).toBe('Your bank declined the payment.')
  })
})

describe('docs/decline-codes.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/decline-codes.md'), 'utf8')
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

  it('shows the table as it is', () => {
    expect(rows.filter((row) => row.length === 3)).toEqual(
      Object.entries(adviceCodes).map(([code, { words, verdict }]) => [`\`${code}\``, words, shown(verdict)]),
    )
    expect(rows.filter((row) => row.length === 4)).toEqual(
      Object.entries(declineCodes).map(([code, rule]) => [
        `\`${code}\``,
        rule.words,
        shown(rule.verdict) + (rule.final ? ', always' : ''),
        explainDecline(code),
      ]),
    )
  })

  function shown(verdict: DeclineRule['verdict']): string {
    return { retry_later: 'retry later', other_card: 'another card', authenticate: 'the customer' }[verdict]
  }
})
