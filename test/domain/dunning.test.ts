import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DunningEnding,
  type DunningProgress,
  type DunningStatus,
  dunningStatuses,
  type DunningStep,
  graceUntilOf,
  nextDunningStatus,
  nextDunningStep,
  nextRetryAtOf,
} from '../../domain/dunning.ts'
import { defaultDunningPolicy, type DunningPolicy, parseDuration } from '../../domain/dunning-policy.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const failedAt = Date.parse('2026-03-10T10:00:00Z')
const day = (days: number) => failedAt + days * DAY

const fresh = (policy: Partial<DunningPolicy> = {}): DunningProgress => ({
  failedAt,
  policy: { ...defaultDunningPolicy, ...policy },
  retriesDone: 0,
  retriesNoticed: 0,
  graceEnded: false,
})

/** What becomes of a case by its own step, when nobody pays. */
function taken(progress: DunningProgress, step: DunningStep): DunningProgress {
  switch (step.kind) {
    case 'notice':
      return { ...progress, retriesNoticed: step.retry }
    case 'retry':
      return { ...progress, retriesDone: step.retry }
    case 'end_grace':
      return { ...progress, graceEnded: true }
    case 'exhaust':
      return progress
  }
}

interface Moment {
  at: number
  step: DunningStep
}

/** Everything a case does that nobody pays, looked at the moment each step is due or as late as `delay` says. */
function play(progress: DunningProgress, delay: (step: DunningStep) => number = () => 0): Moment[] {
  const moments: Moment[] = []
  let now = progress.failedAt
  for (;;) {
    const step = nextDunningStep(progress, now)
    if (step.at > now) {
      // It sleeps until then, and asks again: more may have fallen due while it was away.
      now = step.at + delay(step)
      continue
    }
    moments.push({ at: now, step })
    if (step.kind === 'exhaust') return moments
    if (moments.length > 100) throw new Error('the case does not come to an end')
    progress = taken(progress, step)
  }
}

const told = (moments: Moment[]) =>
  moments.map(
    ({ at, step }) => `day ${(at - failedAt) / DAY}: ${step.kind}${'retry' in step ? ` ${step.retry}` : ''}`,
  )

describe('the default policy', () => {
  it('retries on days 3, 5 and 7 counted from the failure, tells a day before, and never tries a fourth time', () => {
    expect(told(play(fresh()))).toEqual([
      'day 2: notice 1',
      'day 3: retry 1',
      'day 4: notice 2',
      'day 5: retry 2',
      'day 6: notice 3',
      'day 7: retry 3',
      'day 7: exhaust',
    ])
  })

  it('keeps access for seven days', () => {
    expect(graceUntilOf(fresh())).toBe(day(7))
  })

  it('knows when the next retry is due, and that none is left after the third', () => {
    const dueAt = [0, 1, 2, 3].map((retriesDone) => nextRetryAtOf({ ...fresh(), retriesDone }))
    expect(dueAt).toEqual([day(3), day(5), day(7), undefined])
  })
})

describe('a grace', () => {
  it('that is shorter than the retries ends access between them', () => {
    expect(told(play(fresh({ grace: 'P4D' })))).toEqual([
      'day 2: notice 1',
      'day 3: retry 1',
      'day 4: notice 2',
      'day 4: end_grace',
      'day 5: retry 2',
      'day 6: notice 3',
      'day 7: retry 3',
      'day 7: exhaust',
    ])
  })

  it('that is longer than the retries keeps the case until its end', () => {
    expect(told(play(fresh({ grace: 'P14D' }))).slice(-2)).toEqual(['day 7: retry 3', 'day 14: exhaust'])
  })

  it('that ends with a retry lets the retry go first: it may pay', () => {
    expect(told(play(fresh({ grace: 'P5D' }))).slice(2, 6)).toEqual([
      'day 4: notice 2',
      'day 5: retry 2',
      'day 5: end_grace',
      'day 6: notice 3',
    ])
  })

  it('of nothing ends access at the failure, and retries go on', () => {
    expect(told(play(fresh({ grace: 'P0D' })))[0]).toBe('day 0: end_grace')
  })
})

describe('a policy', () => {
  it('with what is no duration is refused, whoever let it in', () => {
    expect(() => nextDunningStep(fresh({ retries: ['P1M'] }), failedAt)).toThrow(RangeError)
  })

  it('without retries waits for the end of the grace and gives up', () => {
    expect(told(play(fresh({ retries: [] })))).toEqual(['day 7: exhaust'])
    expect(told(play(fresh({ retries: [], grace: 'P0D' })))).toEqual(['day 0: exhaust'])
  })

  it('in hours is as good as one in days', () => {
    const policy = { retries: ['PT12H', 'P1D'], grace: 'PT30H', noticeBefore: 'PT2H' }
    expect(told(play(fresh(policy)))).toEqual([
      `day ${10 / 24}: notice 1`,
      'day 0.5: retry 1',
      `day ${22 / 24}: notice 2`,
      'day 1: retry 2',
      'day 1.25: exhaust',
    ])
  })

  it('that announces a retry before the one before it announces it right after that one', () => {
    const policy = { retries: ['P3D', 'P4D'], noticeBefore: 'P2D' }
    expect(told(play(fresh(policy))).slice(0, 4)).toEqual([
      'day 1: notice 1',
      'day 3: retry 1',
      'day 3: notice 2',
      'day 4: retry 2',
    ])
  })
})

describe('a case that nobody worked on', () => {
  it('for ten days tries once for all that fell due, and ends', () => {
    const asleep = play(fresh(), ({ kind }) => (kind === 'notice' ? 10 * DAY : 0))
    expect(told(asleep)).toEqual(['day 12: retry 3', 'day 12: exhaust'])
  })

  it('for four days tries once for the retry it missed, and keeps the days of the others', () => {
    const away = play(fresh(), (step) => (step.at === day(2) ? 4 * DAY : 0))
    expect(told(away).slice(0, 3)).toEqual(['day 6: retry 2', 'day 6: notice 3', 'day 7: retry 3'])
  })

  it('ends with the day of its last retry, where that was used up before and the grace is over', () => {
    const done = { ...fresh({ grace: 'P4D' }), retriesDone: 3 }
    expect(nextDunningStep(done, day(5))).toEqual({ kind: 'exhaust', at: day(7) })
  })

  it('counts what falls due this very moment among what it missed', () => {
    expect(nextDunningStep(fresh(), day(5))).toEqual({ kind: 'retry', at: day(5), retry: 2 })
  })

  it('does not announce what is already due', () => {
    const progress = { ...fresh(), retriesDone: 1 }
    expect(nextDunningStep(progress, day(5))).toMatchObject({ kind: 'retry', retry: 2 })
    expect(nextDunningStep(progress, day(5) - 1)).toMatchObject({ kind: 'notice', retry: 2 })
  })
})

/** Any sound policy: retries rise, and the notice is no longer than the time to the first of them. */
const anyPolicy: fc.Arbitrary<DunningPolicy> = fc
  .record({
    retryHours: fc.uniqueArray(fc.integer({ min: 1, max: 90 * 24 }), { maxLength: 10 }),
    graceHours: fc.integer({ min: 0, max: 90 * 24 }),
    noticePart: fc.double({ min: 0, max: 1, noNaN: true }),
    onExhausted: fc.constantFrom<DunningPolicy['onExhausted']>('cancel', 'pause', 'leave_past_due'),
  })
  .map(({ retryHours, graceHours, noticePart, onExhausted }) => {
    const hours = retryHours.toSorted((one, other) => one - other)
    const notice = Math.floor((hours[0] ?? 0) * noticePart)
    const duration = (length: number) => `PT${length}H`
    return {
      retries: hours.map(duration),
      grace: duration(graceHours),
      noticeBefore: duration(notice),
      onExhausted,
    }
  })

const length = (duration: string) => parseDuration(duration) ?? Number.NaN

/** A case under any policy, slept through in any way. */
const anyCase = fc
  .record({
    policy: anyPolicy,
    delays: fc.infiniteStream(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 30 * DAY }) },
      ),
    ),
  })
  .map(({ policy, delays }) => {
    const moments = play(fresh(policy), () => delays.next().value ?? 0)
    return { policy, moments, retries: moments.filter(({ step }) => step.kind === 'retry') }
  })

describe('under any policy, whenever it is looked at', () => {
  it('there are never more scheduled retries than the policy has, and each counts once', () => {
    fc.assert(
      fc.property(anyCase, ({ policy, retries }) => {
        expect(retries.length).toBeLessThanOrEqual(policy.retries.length)
        const numbers = retries.map(({ step }) => ('retry' in step ? step.retry : 0))
        expect(numbers).toEqual([...new Set(numbers)].toSorted((one, other) => one - other))
        // All of them are used up in the end, tried or collapsed into a later one.
        expect(numbers.at(-1) ?? 0).toBe(policy.retries.length)
      }),
    )
  })

  it('no retry comes before its day, and no two stand for the same day', () => {
    fc.assert(
      fc.property(anyCase, ({ policy, retries }) => {
        for (const { at, step } of retries) {
          const days = policy.retries['retry' in step ? step.retry - 1 : 0] ?? ''
          expect(step.at).toBe(failedAt + length(days))
          expect(at).toBeGreaterThanOrEqual(step.at)
        }
        // Between two of them lies at least the day of the second.
        for (const [index, { at }] of retries.entries())
          expect(retries[index + 1]?.step.at ?? Infinity).toBeGreaterThan(at)
      }),
    )
  })

  it('each notice comes before its retry, once, and none without a retry to come', () => {
    fc.assert(
      fc.property(anyCase, ({ moments, policy }) => {
        const notices = moments.flatMap(({ at, step }) =>
          step.kind === 'notice' ? [{ at, retry: step.retry }] : [],
        )
        expect(new Set(notices.map(({ retry }) => retry)).size).toBe(notices.length)
        for (const { at, retry } of notices)
          expect(failedAt + length(policy.retries[retry - 1] ?? '')).toBeGreaterThan(at)
      }),
    )
  })

  it('whoever is never late announces each retry as long before as the policy says, or when it can', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const moments = play(fresh(policy))
        for (const [index, retry] of policy.retries.entries()) {
          const told = moments.find(({ step }) => step.kind === 'notice' && step.retry === index + 1)
          const before = failedAt + length(retry) - length(policy.noticeBefore)
          const earliest = failedAt + length(policy.retries[index - 1] ?? 'PT0H')
          // A notice of no length would come with its retry, and so not at all.
          const expected = length(policy.noticeBefore) > 0 ? Math.max(before, earliest) : undefined
          expect(told?.at).toBe(expected)
        }
      }),
    )
  })

  it('access ends no earlier than the grace, once, and only where the retries outlast it', () => {
    fc.assert(
      fc.property(anyCase, ({ moments, policy }) => {
        const graceUntil = failedAt + length(policy.grace)
        const ends = moments.filter(({ step }) => step.kind === 'end_grace')
        expect(ends.length).toBeLessThanOrEqual(1)
        for (const { at } of ends) {
          expect(at).toBeGreaterThanOrEqual(graceUntil)
          expect(graceUntil).toBeLessThan(failedAt + length(policy.retries.at(-1) ?? 'PT0H'))
        }
      }),
    )
  })

  it('the case ends after its last retry and its grace, and only then', () => {
    fc.assert(
      fc.property(anyCase, ({ moments, policy }) => {
        const ends = moments.filter(({ step }) => step.kind === 'exhaust')
        expect(ends).toHaveLength(1)
        const lastRetry = failedAt + length(policy.retries.at(-1) ?? 'PT0H')
        expect(ends[0]?.at).toBeGreaterThanOrEqual(Math.max(failedAt + length(policy.grace), lastRetry))
      }),
    )
  })

  it('the answer is the same however often it is asked', () => {
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 0, max: 200 * DAY }), (policy, later) => {
        const now = failedAt + later
        expect(nextDunningStep(fresh(policy), now)).toEqual(nextDunningStep(fresh(policy), now))
      }),
    )
  })
})

describe('the status of a case', () => {
  const endings: DunningEnding[] = ['recovered', 'exhausted', 'voided', 'canceled']

  it.each<[DunningStatus, DunningEnding[]]>([
    ['open', ['recovered', 'exhausted', 'voided', 'canceled']],
    ['exhausted', ['recovered', 'voided']],
    ['recovered', []],
    ['voided', []],
    ['canceled', []],
  ])('%s can still become %j and nothing else', (status, expected) => {
    const reached = endings.map((ending) => nextDunningStatus(status, ending))
    expect(reached.filter((next) => next !== undefined)).toEqual(expected)
  })

  it('never opens again', () => {
    for (const status of dunningStatuses)
      for (const ending of endings) expect(nextDunningStatus(status, ending)).not.toBe('open')
  })
})
