import { describe, expect, it } from 'vitest'
import { BillingError, errorCatalog, type ErrorCode, isErrorCode } from '../../domain/errors.ts'

const codes = Object.keys(errorCatalog) as ErrorCode[]

describe('the catalogue of errors', () => {
  it.each(codes)('%s has a whole sentence for whoever called', (code) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(errorCatalog[code].message).toMatch(/^[A-Z].*\.$/)
  })

  it('repeats what passes by itself, and ends what is a real answer', () => {
    const retryable = codes.filter((code) => new BillingError(code).retryable)
    expect(retryable.toSorted()).toEqual([
      'attempt_under_way',
      'awaits_operator',
      'database_unavailable',
      'effect_key_conflict',
      'idempotency_in_progress',
      'internal',
      'orchestrator_unavailable',
      'outcome_pending',
      'provider_credentials_invalid',
      'provider_failed',
      'provider_rate_limited',
      'provider_unavailable',
    ])
  })

  it('knows its own codes and no others', () => {
    expect(codes.every(isErrorCode)).toBe(true)
    for (const foreign of ['', 'toString', '__proto__', 'constructor', 'CARD_DECLINED'])
      expect(isErrorCode(foreign)).toBe(false)
  })
})

describe('an error of the catalogue', () => {
  it("says the catalogue's words, or what precisely is wrong", () => {
    expect(new BillingError('card_declined').detail).toBe('The card was declined.')
    const precise = new BillingError('invalid_request', { detail: 'The amount is negative.' })
    expect([precise.detail, precise.message]).toEqual(['The amount is negative.', 'The amount is negative.'])
  })

  it('keeps its cause, its facts and the wait that was asked for', () => {
    const cause = new Error('socket hang up')
    const error = new BillingError('provider_rate_limited', {
      cause,
      facts: { provider_request_id: 'req_1' },
      retryAfterSeconds: 7,
    })
    expect(error).toMatchObject({ cause, facts: { provider_request_id: 'req_1' }, retryAfterSeconds: 7 })
    expect(error.fields).toEqual([])
    expect(error.name).toBe('BillingError')
  })

  it('has no facts and names no fields where there is nothing more to say', () => {
    expect(new BillingError('internal')).toMatchObject({
      facts: {},
      fields: [],
      retryAfterSeconds: undefined,
    })
    const fields = [{ path: 'amount', message: 'Use a positive amount.' }]
    expect(new BillingError('invalid_request', { fields }).fields).toEqual(fields)
  })
})
