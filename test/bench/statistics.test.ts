import { describe, expect, it } from 'vitest'
import { percentile, spreadOf } from '../../bench/statistics.ts'

const oneTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

describe('a percentile', () => {
  it('is the smallest measured value that so many do not exceed', () => {
    expect(percentile(oneTo(100).toReversed(), 0.5)).toBe(50)
    expect(percentile(oneTo(100), 0.95)).toBe(95)
    expect(percentile(oneTo(100), 0.99)).toBe(99)
    expect(percentile(oneTo(60), 0.99)).toBe(60)
    expect(percentile([7], 0.5)).toBe(7)
  })

  it('orders numbers as numbers', () => {
    expect(percentile([100, 9, 20], 0.5)).toBe(20)
  })

  it('refuses what has no answer', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError)
    expect(() => percentile([1], 0)).toThrow(RangeError)
    expect(() => percentile([1], 95)).toThrow(RangeError)
  })
})

describe('the spread of rounds', () => {
  it('has the middle value of an odd number of rounds', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, least: 1, most: 5 })
    expect(spreadOf([4])).toEqual({ median: 4, least: 4, most: 4 })
  })

  it('has the mean of the two middle values of an even number', () => {
    expect(spreadOf([1, 2, 4, 100])).toEqual({ median: 3, least: 1, most: 100 })
    expect(spreadOf(oneTo(10)).median).toBe(5.5)
  })
})
