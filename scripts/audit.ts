import { spawn } from 'node:child_process'

/** What `npm audit` says of the dependencies, those of development included. */
export type AuditVerdict = { passed: boolean; output: string } | { skipped: string }

const LIMIT_MS = 30_000
const refused = ['high', 'critical']

/** Asks the registry whether a dependency is known to be unsafe. One that does not answer is no reason to fail: whoever works
 *  offline could not check anything else. */
export function audit(root: string): Promise<AuditVerdict> {
  const args = ['audit', '--json', '--include=dev', '--fetch-retries=0', '--fetch-timeout=15000']
  return new Promise((resolve) => {
    const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], timeout: LIMIT_MS })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.once('error', () => resolve({ skipped: 'npm is not there' }))
    child.once('close', () => resolve(judgeAudit(output)))
  })
}

interface Report {
  message?: string
  vulnerabilities?: Record<string, { severity: string; range: string; via: (string | { title: string })[] }>
}

/** @param json what `npm audit --json` prints: a report, or why there is none. */
export function judgeAudit(json: string): AuditVerdict {
  const report = parse(json)
  if (!report?.vulnerabilities)
    return { skipped: `the registry did not answer${report?.message ? ` (${report.message})` : ''}` }
  const unsafe = Object.entries(report.vulnerabilities).filter(([, { severity }]) =>
    refused.includes(severity),
  )
  const lines = unsafe.map(([name, { severity, range, via }]) => {
    const reasons = via.map((reason) => (typeof reason === 'string' ? `by ${reason}` : reason.title))
    return `${name} ${range} (${severity}): ${reasons.join('; ')}`
  })
  return { passed: unsafe.length === 0, output: lines.join('\n') }
}

function parse(json: string): Report | undefined {
  try {
    return JSON.parse(json) as Report
  } catch {
    return undefined
  }
}
