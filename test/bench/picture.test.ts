import { describe, expect, it } from 'vitest'
import { ratioPicture } from '../../bench/picture.ts'
import type { Compared } from '../../bench/compare.ts'

const at = (median: number) => ({ median, least: median, most: median })
const drawn = (...figures: Omit<Compared, 'ours' | 'bare'>[]) =>
  ratioPicture({
    measuredAt: '2026-03-14T09:30:00.000Z',
    rounds: 1,
    machine: {
      processor: 'Processor',
      cores: 2,
      memory_gib: 24,
      system: 'Linux',
      loadBefore: 0,
      versions: {},
    },
    rows: [
      {
        id: 'B0',
        name: 'Something',
        bareProgram: 'the least of it',
        figures: figures.map((figure) => ({ ...figure, ours: at(1), bare: at(1) })),
      },
    ],
  })
const widths = (picture: string) =>
  [...picture.matchAll(/<rect x="\d+" y="\d+" width="(\d+)"/g)].map(([, width]) => Number(width))

describe('the picture of ratios', () => {
  it('draws half the rate as long as twice the time', () => {
    const picture = drawn(
      { name: 'done', unit: 'per second', ratio: at(0.5) },
      { name: 'p50', unit: 'ms', ratio: at(2) },
    )
    const [rate, time] = widths(picture)
    expect(rate).toBe(time)
    expect(picture.match(/>2\.00 ×</g)).toHaveLength(2)
  })

  it('tells by colour whether the aim was met, and where there is none', () => {
    const picture = drawn(
      { name: 'p50', unit: 'ms', ratio: at(1.2), aim: { ratioAtMost: 1.5 }, met: true },
      { name: 'p95', unit: 'ms', ratio: at(3), aim: { ratioAtMost: 1.5 }, met: false },
      { name: 'p99', unit: 'ms', ratio: at(3) },
    )
    const colours = [...picture.matchAll(/rx="2" fill="(#\w+)"/g)].map(([, colour]) => colour)
    expect(new Set(colours).size).toBe(3)
    expect(picture.match(/stroke-width="2"/g)).toHaveLength(2)
  })

  it('escapes what means something in SVG', () => {
    expect(drawn({ name: 'a < b & c', unit: 's', ratio: at(1) })).toContain('>a &lt; b &amp; c, s<')
  })
})
