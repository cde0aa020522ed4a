import { describe, expect, it } from 'vitest'
import { compare, isMet } from '../../bench/compare.ts'

const at = (median: number) => ({ median, least: median, most: median })

describe('a comparison', () => {
  it('measures both sides in turn and leaves out the round that warms up', async () => {
    const order: string[] = []
    const values = { ours: [900, 20, 40, 30], bare: [900, 10, 10, 10] }
    const side = (name: 'ours' | 'bare') => async () => {
      order.push(name)
      return { time: values[name].shift() ?? 0 }
    }
    const [figure] = await compare(
      { ours: side('ours'), bare: side('bare') },
      [{ name: 'time', unit: 'ms', aim: { ratioAtMost: 2 } }],
      { rounds: 3, onRound: () => {} },
    )
    expect(order).toEqual(['ours', 'bare', 'bare', 'ours', 'ours', 'bare', 'bare', 'ours'])
    expect(figure).toMatchObject({
      ours: { median: 30, least: 20, most: 40 },
      bare: { median: 10, least: 10, most: 10 },
      ratio: { median: 3, least: 2, most: 4 },
      met: false,
    })
  })

  it('measures the first round as well where what is cold is to be measured', async () => {
    const rounds: number[] = []
    const one = async () => ({ time: 1 })
    const onRound = (round: number) => rounds.push(round)
    await compare({ ours: one, bare: one }, [{ name: 'time', unit: 'ms' }], {
      rounds: 2,
      isCold: true,
      onRound,
    })
    expect(rounds).toEqual([1, 2])
  })

  it('fails when a round has not measured what is reported', async () => {
    const empty = async () => ({})
    const figures = [{ name: 'time', unit: 'ms' as const }]
    await expect(
      compare({ ours: empty, bare: empty }, figures, { rounds: 1, onRound: () => {} }),
    ).rejects.toThrow('did not measure "time"')
  })
})

describe('an aim', () => {
  it('is met when the medians keep every bound of it', () => {
    const measured = { ours: at(90), ratio: at(2) }
    expect(isMet({ oursAtMost: 100, ratioAtMost: 3 }, measured)).toBe(true)
    expect(isMet({ oursAtMost: 80, ratioAtMost: 3 }, measured)).toBe(false)
    expect(isMet({ oursAtMost: 100, ratioAtMost: 1.5 }, measured)).toBe(false)
    expect(isMet({ ratioAtLeast: 2 }, measured)).toBe(true)
    expect(isMet({ ratioAtLeast: 2.1 }, measured)).toBe(false)
  })
})
