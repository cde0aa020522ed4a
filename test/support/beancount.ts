import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { keep, onPath, run } from '../../local/parts/fetch.ts'

/** Beancount, the accounting program, from its package registry: what checks our journals is not ours. */
export interface Beancount {
  /** What bean-check says of a journal: nothing where it accepts it. */
  check(file: string): Promise<string>
  /** What each account comes to, as beancount itself adds it up: `Assets:Stripe BRL` to `99.00`. */
  balances(file: string): Promise<Record<string, string>>
}

const requirement = 'beancount==3.2.0'

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
  const python = await onPath('python3', process.env)
  if (!python) return 'there is no python3 on PATH'
  const root = path.resolve(import.meta.dirname, '..', '..')
  const cacheDirectory = process.env.QUITTANCE_CACHE ?? path.join(root, '.quittance', 'cache')
  try {
    const directory = await keep(
      { environment: process.env, cacheDirectory, say: () => {} },
      `${requirement.replace('==', '-')}-${process.platform}-${process.arch}`,
      async (scratch) => {
        const args = ['-m', 'pip', 'install', '--quiet', '--no-input', '--target', scratch, requirement]
        await run(python, args, { cwd: scratch, env: process.env })
        if (!(await readdir(scratch)).includes('beancount')) throw new Error('pip brought no beancount')
      },
    )
    const options = { env: { ...process.env, PYTHONPATH: directory }, maxBuffer: 64 * 2 ** 20 }
    const python3 = (...args: string[]) => promisify(execFile)(python, args, options)
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
  } catch (error) {
    return `pip could not install it: ${String(error).split('\n')[0]}`
  }
}
