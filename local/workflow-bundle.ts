/** The workflows, built once for as long as their code stays the same: building takes longer than all else that a worker
 *  does when it starts. */

import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { exists, run } from './parts/fetch.ts'

const root = path.resolve(import.meta.dirname, '..')

/** Answers the path of the bundle that belongs to the code of this checkout. */
export async function ensureWorkflowBundle(
  stateDirectory: string,
  say: (words: string) => void,
): Promise<string> {
  const directory = path.join(stateDirectory, 'workflow-bundle')
  const file = path.join(directory, `${await hashOfSources()}.js`)
  if (await exists(file)) return file
  say('building the workflows')
  await rm(directory, { recursive: true, force: true })
  const building = `${file}.building`
  await run(process.execPath, ['--import', 'tsx', 'scripts/bundle-workflows.ts', building], { cwd: root })
  await rename(building, file) // Only a whole one gets the name that is looked for.
  return file
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  hash.update(await readFile(path.join(root, 'package-lock.json')))
  for (const room of ['domain', 'workflows', 'worker']) {
    const files = await readdir(path.join(root, room), { recursive: true })
    for (const file of files.filter((name) => name.endsWith('.ts')).toSorted()) {
      hash.update(file)
      hash.update(await readFile(path.join(root, room, file)))
    }
  }
  return hash.digest('hex').slice(0, 16)
}
