import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { keep, onPath, run } from '../../local/parts/fetch.ts'

export interface PythonPackages {
  python: string
  /** For Python's own `PYTHONPATH`. */
  directory: string
}

/** Packages of Python's registry with what they need, through pip, in a directory of the cache that is nobody else's.
 *  @param requirements each with its version, the one that is asked for first: `beancount==3.2.0`
 *  @returns why they cannot be had, where they cannot. */
export async function findPythonPackages(...requirements: string[]): Promise<PythonPackages | string> {
  const python = await onPath('python3', process.env)
  if (!python) return 'there is no python3 on PATH'
  const root = path.resolve(import.meta.dirname, '..', '..')
  const cacheDirectory = process.env.QUITTANCE_CACHE ?? path.join(root, '.quittance', 'cache')
  const [name = '', version = ''] = requirements[0]?.split('==') ?? []
  try {
    const directory = await keep(
      { environment: process.env, cacheDirectory, say: () => {} },
      `${name}-${version}-${process.platform}-${process.arch}`,
      async (scratch) => {
        const args = ['-m', 'pip', 'install', '--quiet', '--no-input', '--target', scratch, ...requirements]
        await run(python, args, { cwd: scratch, env: process.env })
        if (!(await readdir(scratch)).includes(name)) throw new Error(`pip brought no ${name}`)
      },
    )
    return { python, directory }
  } catch (error) {
    return `pip could not install ${name}: ${String(error).split('\n')[0]}`
  }
}
