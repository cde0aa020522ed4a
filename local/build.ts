/** Entries of this checkout as one file each: translating TypeScript anew takes longer than all else that a process does
 *  when it starts. */

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build } from 'esbuild'
import { exists } from './parts/fetch.ts'

const root = path.resolve(import.meta.dirname, '..')
/** Within the checkout, because packages are looked for from where a file lies. */
const directory = path.join(root, '.quittance', 'built')

/** Answers the arguments with which Node.js runs a TypeScript entry such as `api/main.ts`, as its code is now. */
export async function runBuilt(entry: string): Promise<string[]> {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, entry)],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    outdir: directory,
    write: false,
    logLevel: 'silent',
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 16)
  const file = path.join(directory, `${path.dirname(entry).replaceAll('/', '-')}-${hash}.mjs`)
  if (!(await exists(file))) {
    await mkdir(directory, { recursive: true })
    // Only a whole one gets the name that is looked for, whoever else is building it.
    const building = `${file}.${randomUUID()}`
    await writeFile(building, code)
    await rename(building, file)
    await removeOld()
  }
  return ['--enable-source-maps', file]
}

/** What was built of code that has changed since. A day, because another process may be about to run it. */
async function removeOld(): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name)
    // Another process may just have given it its name, or removed it.
    const found = await stat(file).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > 24 * 3_600_000) await rm(file, { force: true })
  }
}
