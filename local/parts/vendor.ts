/** The makers' own downloads, for those who have no client of a package registry. */

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from './fetch.ts'

export interface Vendors {
  temporal: string
  kafka: string
}

export const vendors: Vendors = {
  temporal: 'https://temporal.download/cli/archive',
  kafka: 'https://archive.apache.org/dist/kafka',
}

const withinMs = 10 * 60_000

/** Fetches a compressed archive and unpacks it into the directory.
 *  @throws when it is not there or does not have the checksum that its maker publishes beside it. */
export async function fetchArchive(
  url: string,
  directory: string,
  options: { checksumUrl?: string; stripComponents?: number } = {},
): Promise<void> {
  const archive = path.join(directory, 'archive.tar.gz')
  const { body } = await get(url)
  if (!body) throw new Error(`${url} answered nothing`)
  await pipeline(body, createWriteStream(archive))
  if (options.checksumUrl) await requireChecksum(archive, options.checksumUrl)
  const strip = options.stripComponents ? [`--strip-components=${options.stripComponents}`] : []
  await run('tar', ['-xzf', archive, '-C', directory, ...strip], { cwd: directory })
  await rm(archive)
}

async function requireChecksum(file: string, checksumUrl: string): Promise<void> {
  // Its makers print the digest in groups and over several lines, after the name of the file.
  const published = (await (await get(checksumUrl)).text())
    .replace(/^.*:/, '')
    .replaceAll(/\s/g, '')
    .toLowerCase()
  const hash = createHash('sha512')
  await pipeline(createReadStream(file), hash)
  if (!published.startsWith(hash.digest('hex'))) throw new Error(`the download differs from ${checksumUrl}`)
}

async function get(url: string): Promise<Response> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(withinMs) }).catch((error: Error) => {
    const { cause } = error
    throw new Error(
      `${new URL(url).host} cannot be reached (${cause instanceof Error ? cause.message : error.message})`,
    )
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return answer
}
