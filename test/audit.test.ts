import { describe, expect, it } from 'vitest'
import { judgeAudit } from '../scripts/audit.ts'

const report = (severity: string) =>
  JSON.stringify({
    vulnerabilities: {
      'left-pad': { severity, range: '<1.3.0', via: [{ title: 'Pads without end' }, 'right-pad'] },
    },
  })

describe('the audit of dependencies', () => {
  it.each(['high', 'critical'])('fails for one of severity %s, and names it', (severity) => {
    expect(judgeAudit(report(severity))).toEqual({
      passed: false,
      output: `left-pad <1.3.0 (${severity}): Pads without end; by right-pad`,
    })
  })

  it.each(['info', 'low', 'moderate'])('passes with one of severity %s', (severity) => {
    expect(judgeAudit(report(severity))).toEqual({ passed: true, output: '' })
  })

  it.each([
    ['', 'the registry did not answer'],
    ['npm error network', 'the registry did not answer'],
    [
      '{ "message": "405 Method Not Allowed", "error": {} }',
      'the registry did not answer (405 Method Not Allowed)',
    ],
  ])('is skipped, and says so, where there is no report: %j', (json, skipped) => {
    expect(judgeAudit(json)).toEqual({ skipped })
  })
})
