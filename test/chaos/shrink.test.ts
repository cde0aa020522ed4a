import { describe, expect, it } from 'vitest'
import { shrink } from './shrink.ts'

const numbers = Array.from({ length: 40 }, (_, index) => index)

describe('shrinking', () => {
  it('keeps the few that fail together, in their order', async () => {
    const fails = async (kept: number[]) => [3, 17, 31].every((number) => kept.includes(number))
    expect(await shrink(numbers, fails, 200)).toEqual([3, 17, 31])
  })

  it('asks no more often than it may, and what it keeps has failed', async () => {
    let asked = 0
    const fails = async (kept: number[]) => {
      asked += 1
      return kept.includes(5) && kept.includes(39)
    }
    const kept = await shrink(numbers, fails, 6)
    expect(asked).toBeLessThanOrEqual(6)
    expect(kept).toEqual(expect.arrayContaining([5, 39]))
    expect(kept.length).toBeLessThan(40)
  })

  it('keeps everything where nothing less fails', async () => {
    expect(await shrink(numbers, async () => false, 200)).toEqual(numbers)
  })
})
