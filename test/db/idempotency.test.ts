import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Claim,
  claimIdempotencyKey,
  deleteExpiredIdempotencyKeys,
  keepAnswer,
  LOCK_SECONDS,
  releaseIdempotencyKey,
} from '../../db/idempotency.ts'
import { openDatabase, type Seeded } from '../support/seed.ts'

let seeded: Seeded

beforeAll(async () => {
  seeded = await openDatabase(16)
})
afterAll(() => seeded.close())

const system = () => seeded.connections.system
const newRequest = () => ({
  scope: 'prj_1/test',
  keyHash: randomBytes(32),
  requestHash: randomBytes(32),
})
type Request = ReturnType<typeof newRequest>
const claim = (request: Request) => claimIdempotencyKey(system(), { ...request, newSeed: randomBytes(16) })

function held(result: Claim): Extract<Claim, { state: 'claimed' }> {
  if (result.state !== 'claimed') throw new Error(`expected a claim, got ${result.state}`)
  return result
}

const runOutLock = (request: Request) =>
  seeded.connections.systemClient`
    update idempotency_keys set locked_until = now() - interval '1 ms' where key_hash = ${request.keyHash}`

describe('an idempotency key', () => {
  it('is claimed by one of sixteen at once', async () => {
    const request = newRequest()
    const states = (await Promise.all(Array.from({ length: 16 }, () => claim(request)))).map(
      ({ state }) => state,
    )
    expect(states.filter((state) => state === 'claimed')).toHaveLength(1)
    expect(states.filter((state) => state === 'in_progress')).toHaveLength(15)
  })

  it('is locked for a bounded time', async () => {
    const { lockedUntil } = held(await claim(newRequest()))
    const remaining_s = (lockedUntil.getTime() - Date.now()) / 1000
    expect(remaining_s).toBeGreaterThan(LOCK_SECONDS - 5)
    expect(remaining_s).toBeLessThan(LOCK_SECONDS + 5)
  })

  it('is taken over by one of sixteen when its lock has run out, with the seed of the first attempt', async () => {
    const request = newRequest()
    const first = held(await claim(request))
    await runOutLock(request)
    const claims = await Promise.all(Array.from({ length: 16 }, () => claim(request)))
    const taken = claims.filter(({ state }) => state === 'claimed')
    expect(taken).toHaveLength(1)
    expect(held(taken[0] ?? { state: 'reused' }).seed).toEqual(first.seed)
  })

  it('goes on with the same seed when it was given back', async () => {
    const request = newRequest()
    const first = held(await claim(request))
    await releaseIdempotencyKey(system(), { ...request, lockedUntil: first.lockedUntil })
    expect(held(await claim(request)).seed).toEqual(first.seed)
  })

  it('is not given back by someone who has lost it to another', async () => {
    const request = newRequest()
    const first = held(await claim(request))
    await runOutLock(request)
    held(await claim(request))
    await releaseIdempotencyKey(system(), { ...request, lockedUntil: first.lockedUntil })
    expect((await claim(request)).state).toBe('in_progress')
  })

  it('keeps the first answer, whoever comes with another', async () => {
    const request = newRequest()
    held(await claim(request))
    await keepAnswer(system(), { ...request, status: 201, sealedAnswer: Buffer.from('first') })
    await keepAnswer(system(), { ...request, status: 402, sealedAnswer: Buffer.from('second') })
    expect(await claim(request)).toEqual({
      state: 'answered',
      status: 201,
      sealedAnswer: Buffer.from('first'),
    })
  })

  it('belongs to one request: another with it is told so, before and after the answer', async () => {
    const request = newRequest()
    const other = { ...request, requestHash: randomBytes(32) }
    held(await claim(request))
    expect((await claim(other)).state).toBe('reused')
    await keepAnswer(system(), { ...request, status: 201, sealedAnswer: Buffer.from('x') })
    expect((await claim(other)).state).toBe('reused')
  })

  it('belongs to one caller', async () => {
    const request = newRequest()
    held(await claim(request))
    expect((await claim({ ...request, scope: 'prj_2/test' })).state).toBe('claimed')
  })
})

describe('old idempotency keys', () => {
  const age = (request: Request, hours: number) =>
    seeded.connections.systemClient`
      update idempotency_keys set created_at = now() - make_interval(hours => ${hours}) where key_hash = ${request.keyHash}`

  it('are deleted after a day, a bounded number at a time; younger ones and those at work stay', async () => {
    const requests = Array.from({ length: 5 }, newRequest)
    for (const request of requests) {
      held(await claim(request))
      await keepAnswer(system(), { ...request, status: 201, sealedAnswer: Buffer.from('x') })
      await age(request, 26)
    }
    const young = newRequest()
    held(await claim(young))
    await keepAnswer(system(), { ...young, status: 201, sealedAnswer: Buffer.from('x') })
    await age(young, 23)
    const atWork = newRequest()
    held(await claim(atWork))
    await age(atWork, 26)

    expect(await deleteExpiredIdempotencyKeys(system(), { limit: 3 })).toBe(3)
    expect(await deleteExpiredIdempotencyKeys(system(), { limit: 3 })).toBe(2)
    expect(await deleteExpiredIdempotencyKeys(system(), { limit: 3 })).toBe(0)
    expect((await claim(young)).state).toBe('answered')
    expect((await claim(atWork)).state).toBe('in_progress')
  })
})
