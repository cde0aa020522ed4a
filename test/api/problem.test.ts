import { describe, expect, it } from 'vitest'
import { describeError, problems } from '../../api/problem.ts'
import { errorCatalog, isErrorCode } from '../../domain/errors.ts'

describe('problems', () => {
  it('that may be retried have a status that says so, and is never kept under an idempotency key', () => {
    const passing = Object.entries(problems).filter(
      ([code]) => isErrorCode(code) && errorCatalog[code].retryable,
    )
    const misleading = passing.filter(([, [status]]) => status < 500 && status !== 409)
    expect(passing.length).toBeGreaterThan(4)
    expect(misleading).toEqual([])
  })
})

describe('an error in the log', () => {
  it('of a query shows neither its values nor its message', () => {
    const cause = Object.assign(new Error('duplicate key value (email)=(ana@example.com)'), {
      name: 'PostgresError',
      code: '23505',
      constraint_name: 'customers_user',
    })
    const error = new Error('Failed query: insert into customers params: ana@example.com', { cause })
    expect(JSON.stringify(describeError(error))).not.toContain('ana@example.com')
    expect(describeError(error).message).toBe('database error 23505 on customers_user')
  })

  it('of a connection shows what it is and where', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' })
    const described = describeError(new Error('Failed query: select 1 params: secret', { cause }))
    expect(described.message).toBe('database unreachable')
    expect(described.stack?.[0]).toMatch(/^at /)
  })

  it('may be no error at all', () => {
    expect(describeError('words')).toEqual({ kind: 'string' })
  })
})
