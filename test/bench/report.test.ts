import { describe, expect, it } from 'vitest'
import { aimInWords, markdownReport, type Report, short, terminalTable } from '../../bench/report.ts'

const report: Report = {
  measuredAt: '2026-03-14T09:30:00.000Z',
  rounds: 5,
  machine: {
    processor: 'Processor',
    cores: 2,
    memory_gib: 24,
    system: 'Linux 6',
    loadBefore: 0.25,
    versions: { Postgres: '18.4' },
  },
  rows: [
    {
      id: 'B0',
      name: 'Something with a name longer than its figures',
      bareProgram: 'the least of it',
      figures: [
        {
          name: 'p95',
          unit: 'ms',
          aim: { oursAtMost: 200, ratioAtMost: 1.5 },
          ours: { median: 123.4, least: 100, most: 1234.5 },
          bare: { median: 99.5, least: 9.951, most: 100 },
          ratio: { median: 1.25, least: 1, most: 2 },
          met: true,
        },
      ],
    },
  ],
}

describe('the report', () => {
  it('has columns that stand below each other', () => {
    expect(terminalTable(report.rows).split('\n')).toEqual([
      '    figure   ours                bare                ours / bare          aim',
      'B0  Something with a name longer than its figures',
      '    p95, ms  123 (100 to 1,235)  99.5 (9.95 to 100)  1.25 (1.00 to 2.00)  ≤ 200 ms, ≤ 1.5 ×  met',
    ])
  })

  it('tells on its page what was measured, on what and when', () => {
    const page = markdownReport(report)
    expect(page).toContain('Measured on 2026-03-14: Processor, 2 cores, 24 GiB, Linux 6; Postgres 18.4.')
    expect(page).toContain('| p95, ms | 123 (100 to 1,235) |')
    expect(page).toContain('- **B0** Something with a name longer than its figures. Bare: the least of it.')
  })

  it('says why an aim is missed, and only then', () => {
    expect(markdownReport(report)).not.toContain('Where an aim is missed')
    const missed = report.rows.map((row) => ({
      ...row,
      whyMore: 'It does more.',
      figures: row.figures.map((figure) => ({ ...figure, met: false })),
    }))
    expect(markdownReport({ ...report, rows: missed })).toContain('- **B0** It does more.')
  })

  it('shows three digits', () => {
    expect([0.123, 1.5, 12.34, 123.4, 12_345.6].map(short)).toEqual(['0.12', '1.50', '12.3', '123', '12,346'])
  })

  it('puts aims into words', () => {
    expect(aimInWords({ ratioAtLeast: 0.8 }, 'per second')).toBe('≥ 0.8 ×')
    expect(aimInWords({ oursAtMost: 100, ratioAtMost: 3 }, 'ms')).toBe('≤ 100 ms, ≤ 3 ×')
  })
})
