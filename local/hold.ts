/** Only one `npm start` may work in a state directory at a time. */

import { readFileSync, rmSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOf } from './records.ts'

interface Holder {
  pid: number
  startedAt: string
}

/** Takes the directory, from a dead holder if need be.
 *  @returns a function that lets it go.
 *  @throws naming the live process that holds it. */
export async function hold(stateDirectory: string): Promise<() => void> {
  await mkdir(stateDirectory, { recursive: true })
  const file = path.join(stateDirectory, 'start.json')
  const own = JSON.stringify({
    pid: process.pid,
    startedAt: (await startOf(process.pid)) ?? '',
  } satisfies Holder)
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const holder = await readHolder(file)
    if (holder && (await startOf(holder.pid)) === holder.startedAt)
      throw new Error(
        `npm start is already running here: process ${holder.pid} holds ${stateDirectory}.\n` +
          `Its addresses are in ${path.join(stateDirectory, 'stack.json')}; end it with: kill ${holder.pid}`,
      )
    await rm(file, { force: true })
    const isOurs = await writeFile(file, own, { flag: 'wx' }).then(
      () => true,
      () => false,
    )
    // Two that found the same dead holder may both have written; a moment later it is clear who was last.
    await sleep(50)
    if (isOurs && (await readFile(file, 'utf8').catch(() => '')) === own) return () => letGo(file, own)
  }
  throw new Error(`${file} could not be taken: several runs are starting at once. Try again.`)
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder
  } catch {
    return undefined
  }
}

function letGo(file: string, own: string): void {
  try {
    if (readFileSync(file, 'utf8') === own) rmSync(file, { force: true })
  } catch {
    // Already gone.
  }
}
