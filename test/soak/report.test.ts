import { describe, expect, it } from 'vitest'
import { runWith } from './made-up-run.ts'
import { measureNames } from './measures.ts'
import { pageOf, sparkline, terminalTable } from './report.ts'
import { judgeMeasures } from './verdicts.ts'

describe('the report', () => {
  it('draws a course from nothing to its most', () => {
    const points = [0, 1, 2, 4, 8, 8, 0, 0].map((value, at_s) => ({ at_s, value }))
    expect(sparkline(points)).toBe('▁▂▃▅██▁▁')
    expect(sparkline(points, 4)).toBe('▁▄█▁')
    expect(sparkline(points.map(({ at_s }) => ({ at_s, value: 0 })))).toBe('▁▁▁▁▁▁▁▁')
    expect(sparkline([])).toBe('')
  })

  it('has a line for each measure', () => {
    const lines = terminalTable(judgeMeasures(runWith({}))).split('\n')
    expect(lines).toHaveLength(measureNames.length + 1)
    expect(lines.find((line) => line.startsWith('worker: memory, MiB'))).toMatch(/100 +100 +100 .*good$/)
  })

  it('is a page that says what failed, and why what was complained of is no fault', () => {
    const flaws = ['I8: a workflow is stuck']
    const machine = { processor: 'A processor', cores: 2, memory_gib: 24, system: 'Linux 6' }
    const page = pageOf(runWith({}, { flaws }), machine)
    expect(page).toMatch(/Run on 2027-01-10: A processor, 2 cores.*Seed 1, 30 minutes/)
    expect(page).toContain('- I8: a workflow is stuck')
    expect(page).toContain(
      '| all answers are final, all comes to rest, all invariants hold | **no** | 1 flaws |',
    )
    expect(page).toMatch(/buys a book: done \| 40 \|\n\| cancels: done \| 12/)
  })
})
