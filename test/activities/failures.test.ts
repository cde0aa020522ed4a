import { ApplicationFailure } from '@temporalio/common'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toFailure } from '../../activities/failures.ts'
import { connect, inProject } from '../../db/client.ts'
import { customers } from '../../db/schema/index.ts'
import { BillingError, errorCatalog, type ErrorCode } from '../../domain/errors.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'

const EMAIL = 'ana.souza@example.com'
const codes = Object.keys(errorCatalog) as ErrorCode[]

let seeded: Seeded
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
})
afterAll(() => seeded.close())

async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('nothing went wrong')
}

/** All that a history would keep of it. */
function kept(failure: Error): string {
  const parts = [failure.message, failure.stack]
  if (failure instanceof ApplicationFailure) parts.push(failure.type ?? '', JSON.stringify(failure.details))
  return failure.cause instanceof Error ? [...parts, kept(failure.cause)].join('\n') : parts.join('\n')
}

describe('an error of the catalogue', () => {
  it.each(codes)('%s is repeated or ended as the catalogue says', (code) => {
    const failure = toFailure(new BillingError(code))
    expect(failure).toMatchObject({ type: code, nonRetryable: !errorCatalog[code].retryable })
  })

  it.each(codes.filter((code) => !errorCatalog[code].retryable))('%s says what its caller reads', (code) => {
    expect(toFailure(new BillingError(code)).message).toBe(errorCatalog[code].message)
  })

  it('that passes does not ask an operator to repeat a request', () => {
    expect(toFailure(new BillingError('provider_unavailable')).message).toMatch(
      /^Stripe could not be reached\. It is tried again by itself/,
    )
    const detail = 'The clock waits for dunning/in_1.'
    expect(toFailure(new BillingError('outcome_pending', { detail })).message).toBe(detail)
  })

  it('carries its facts and the wait the provider asked for, but not its cause', () => {
    const failure = toFailure(
      new BillingError('provider_rate_limited', {
        facts: { provider_request_id: 'req_1' },
        retryAfterSeconds: 7,
        cause: new Error(`no such customer: ${EMAIL}`),
      }),
    )
    expect(failure).toMatchObject({ details: [{ provider_request_id: 'req_1' }], nextRetryDelay: 7000 })
    expect(kept(failure)).not.toContain(EMAIL)
  })

  it('that is a failure already passes as it is', () => {
    const failure = ApplicationFailure.nonRetryable('done', 'done')
    expect(toFailure(failure)).toBe(failure)
  })
})

describe('an error of the database', () => {
  const insertCustomer = (values: { customerId: string; userId: string }) =>
    inProject(seeded.connections.application, projectId, (transaction) =>
      transaction.insert(customers).values({ projectId, email: EMAIL, livemode: false, ...values } as never),
    )

  it('is named by its code and constraint, and holds no value of the query', async () => {
    await insertCustomer({ customerId: 'cst_1', userId: 'user-secret' })
    const failure = toFailure(
      await errorOf(() => insertCustomer({ customerId: 'cst_2', userId: 'user-secret' })),
    )
    expect(failure).toMatchObject({
      type: 'internal',
      nonRetryable: false,
      message: 'database error 23505 on customers_user',
    })
    expect(kept(failure)).not.toMatch(/ana|user-secret|cst_2|insert/i)
  })

  it('holds no value of the query when the driver itself refuses it', async () => {
    const error = await errorOf(() =>
      inProject(seeded.connections.application, projectId, (transaction) =>
        transaction.execute(sql`select ${EMAIL}::text, ${sql.param(undefined)}::text`),
      ),
    )
    expect(error).toMatchObject({ message: expect.stringContaining(EMAIL) })
    expect(toFailure(error)).toMatchObject({ type: 'internal', message: 'database error without a code' })
    expect(kept(toFailure(error))).not.toMatch(/ana|souza|select/i)
  })

  it('ends where the database will never take the value: nobody waits behind it for ever', async () => {
    const error = await errorOf(() =>
      inProject(seeded.connections.application, projectId, (transaction) =>
        transaction.execute(sql`select ${'+010000-01-01T23:58:59.000Z'}::timestamptz`),
      ),
    )
    expect(toFailure(error)).toMatchObject({
      type: 'internal',
      nonRetryable: true,
      message: 'database error 22009',
    })
  })

  it('says nothing of the query that ran out of time', async () => {
    const error = await errorOf(() =>
      inProject(seeded.connections.application, projectId, async (transaction) => {
        await transaction.execute(sql`select set_config('statement_timeout', '50', true)`)
        await transaction.execute(sql`select pg_sleep(1), ${EMAIL}`)
      }),
    )
    const failure = toFailure(error)
    expect(failure).toMatchObject({ type: 'database_unavailable', nonRetryable: false })
    expect(kept(failure)).not.toContain(EMAIL)
  })

  it('that cannot be reached is waited out', async () => {
    const nowhere = 'postgres://nobody:secret@127.0.0.1:1/none'
    const connections = connect({
      applicationUrl: nowhere,
      systemUrl: nowhere,
      poolSize: 1,
      applicationName: 'test',
    })
    const error = await errorOf(() => inProject(connections.application, projectId, async () => {}))
    await connections.close()
    const failure = toFailure(error)
    expect(failure).toMatchObject({ type: 'database_unavailable', nonRetryable: false })
    expect(kept(failure)).not.toContain('secret')
  })
})

describe('a defect of ours', () => {
  it('is repeated, because the mended code may come while the workflow waits', () => {
    expect(toFailure(new TypeError('cannot read this'))).toMatchObject({
      type: 'internal',
      nonRetryable: false,
      message: 'TypeError: cannot read this',
    })
  })

  it.each([
    new SyntaxError(`Unexpected token 'a', "{${EMAIL}" is not valid JSON`),
    new Error(`mailto:${EMAIL}, <${EMAIL}>; "${EMAIL}"`),
    new Error('outer', { cause: new Error(EMAIL) }),
  ])('keeps no address that its message quotes: %s', (error) => {
    expect(kept(toFailure(error))).not.toMatch(/ana|souza|example/)
  })

  it.each([undefined, null, 'a thrown text', { secret: EMAIL }])(
    'may be anything that was thrown: %s',
    (thrown) => {
      expect(toFailure(thrown)).toMatchObject({ type: 'internal', message: 'unknown error' })
    },
  )
})
