/** Only one `npm start` may work in a state directory at a time. */

import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOf } from './records.ts'

/** The folder of the state directory in which everyone who wants it, or has it, keeps a file. */
export const claims = 'claims'

interface Claim {
  pid: number
  /** Compared before a claim counts, because process ids are used again. */
  startedAt: string
  holds: boolean
}

/** Takes the directory, from a dead holder if need be.
 *  @returns a function that lets it go.
 *  @throws naming the live process that holds it. */
export async function hold(stateDirectory: string): Promise<() => void> {
  const folder = path.join(stateDirectory, claims)
  await mkdir(folder, { recursive: true })
  const file = path.join(folder, `${randomUUID()}.json`)
  const own = { pid: process.pid, startedAt: (await startOf(process.pid)) ?? '' }
  for (let attempt = 0; attempt < 40; attempt += 1) {
    // Each says what it wants before it looks around: of two that come at once, at least one sees the other. Whoever
    // sees another steps back; that two of them do so is why they wait for different times.
    await write(file, { ...own, holds: false })
    const others = await claimsOfOthers(folder, file)
    if (others.length === 0) {
      await write(file, { ...own, holds: true })
      return () => rmSync(file, { force: true })
    }
    await rm(file, { force: true })
    const holder = others.find(({ holds }) => holds)
    if (holder)
      throw new Error(
        `npm start is already running here: process ${holder.pid} holds ${stateDirectory}.\n` +
          `Its addresses are in ${path.join(stateDirectory, 'stack.json')}; end it with: kill ${holder.pid}`,
      )
    await sleep(Math.random() * 100)
  }
  throw new Error(`${stateDirectory} could not be taken: several runs are starting at once. Try again.`)
}

/** Removes what dead processes have left; nobody else ever writes under their names. */
async function claimsOfOthers(folder: string, own: string): Promise<Claim[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  const others = files.map((name) => path.join(folder, name)).filter((file) => file !== own)
  const found = await Promise.all(
    others.map(async (file) => {
      const claim = await read(file)
      if (claim && (await startOf(claim.pid)) === claim.startedAt) return claim
      await rm(file, { force: true })
      return undefined
    }),
  )
  return found.filter((claim) => claim !== undefined)
}

/** In one step: nobody reads half a claim, and takes it for a dead one's. */
async function write(file: string, claim: Claim): Promise<void> {
  const unfinished = `${file}.new`
  await writeFile(unfinished, JSON.stringify(claim))
  await rename(unfinished, file)
}

async function read(file: string): Promise<Claim | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Claim
  } catch {
    return undefined
  }
}
