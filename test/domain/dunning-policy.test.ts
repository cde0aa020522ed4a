import { describe, expect, it } from 'vitest'
import { defaultDunningPolicy, flawOf, parseDuration } from '../../domain/dunning-policy.ts'

describe('a dunning policy', () => {
  it('is sound by default: three retries within a week of grace, told a day before, and then the end', () => {
    expect(flawOf(defaultDunningPolicy)).toBeUndefined()
    expect(defaultDunningPolicy).toEqual({
      retries: ['P3D', 'P5D', 'P7D'],
      grace: 'P7D',
      noticeBefore: 'P1D',
      onExhausted: 'cancel',
    })
  })

  it.each([
    ['P3D', 72],
    ['PT12H', 12],
    ['P0D', 0],
    ['P90D', 2_160],
    ['PT2160H', 2_160],
  ])('counts in hours of the clock: %s is %i', (text, hours) => {
    expect(parseDuration(text)).toBe(hours * 3_600_000)
  })

  it.each([
    '',
    'P',
    'PT',
    '3D',
    'P3',
    'P1M',
    'P1Y',
    'P1W',
    'P-3D',
    'P3DT1H',
    'P1.5D',
    'p3d',
    ' P3D',
    'P1000D',
    'PT10000H',
    'P3D, then P5D',
    'every P3D',
  ])('has no duration such as %j', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  it.each([
    [{ retries: ['P5D', 'P3D'] }, 'retries'],
    [{ retries: ['P3D', 'P3D'] }, 'retries'],
    [{ retries: ['P0D'] }, 'retries'],
    [{ retries: ['P91D'] }, 'retries'],
    [{ grace: 'P91D' }, 'grace'],
    [{ noticeBefore: 'P4D' }, 'noticeBefore'],
  ])('has a flaw: %j', (change, field) => {
    expect(flawOf({ ...defaultDunningPolicy, ...change })?.field).toBe(field)
  })

  it.each([
    [{ retries: ['P1D', 'P90D'] }],
    [{ grace: 'P90D' }],
    [{ grace: 'P0D' }],
    [{ noticeBefore: 'P3D' }],
    [{ noticeBefore: 'P0D' }],
  ])('is sound up to its limits: %j', (change) => {
    expect(flawOf({ ...defaultDunningPolicy, ...change })).toBeUndefined()
  })

  it('may retry never: then nothing is announced, however long before', () => {
    expect(flawOf({ ...defaultDunningPolicy, retries: [] })).toBeUndefined()
  })
})
