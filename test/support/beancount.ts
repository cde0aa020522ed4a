import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findPythonPackages } from './python-packages.ts'

/** Beancount, the accounting program, from its package registry: what checks our journals is not ours. */
export interface Beancount {
  /** What bean-check says of a journal: nothing where it accepts it. */
  check(file: string): Promise<string>
  /** What each account comes to, as beancount itself adds it up: `Assets:Stripe BRL` to `99.00`. */
  balances(file: string): Promise<Record<string, string>>
}

const balancesScript = `
import json, sys
from beancount import loader
from beancount.core import realization
entries, errors, options = loader.load_file(sys.argv[1])
assert not errors, errors
balances = {}
for account in realization.iter_children(realization.realize(entries)):
    for position in account.balance:
        balances[account.account + ' ' + position.units.currency] = str(position.units.number)
print(json.dumps(balances))
`

/** @returns why it cannot be had, where it cannot. */
export async function findBeancount(): Promise<Beancount | string> {
  const packages = await findPythonPackages('beancount==3.2.0')
  if (typeof packages === 'string') return packages
  const options = { env: { ...process.env, PYTHONPATH: packages.directory }, maxBuffer: 64 * 2 ** 20 }
  const python3 = (...args: string[]) => promisify(execFile)(packages.python, args, options)
  return {
    async check(file) {
      const said = await python3('-m', 'beancount.scripts.check', '--no-cache', file).catch(
        (error: { stdout?: string; stderr?: string }) => ({ stdout: '', stderr: '', ...error }),
      )
      return `${said.stdout}${said.stderr}`.trim()
    },
    async balances(file) {
      return JSON.parse((await python3('-c', balancesScript, file)).stdout) as Record<string, string>
    },
  }
}
