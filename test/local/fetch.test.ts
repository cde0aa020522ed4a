import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { keep, onPath, run, type Surroundings } from '../../local/parts/fetch.ts'
import { findKafka } from '../../local/parts/kafka.ts'
import { findTemporal } from '../../local/parts/temporal.ts'
import { findTestServer } from '../../local/parts/test-server.ts'
import type { Vendors } from '../../local/parts/vendor.ts'
import { freePorts } from '../../local/ports.ts'
import { temporaryDirectory } from './fixtures/temporary-directory.ts'

/** Where nobody answers, so that no test depends on who can be reached. */
const nowhere = 'http://127.0.0.1:9'

const surroundings = (environment: Record<string, string> = {}): Surroundings => ({
  environment,
  cacheDirectory: path.join(temporaryDirectory(), 'cache'),
  say: () => {},
  vendors: { temporal: nowhere, kafka: nowhere },
})

/** A directory with programs that print what they are told to. */
function programs(answers: Record<string, string>): string {
  const directory = temporaryDirectory()
  for (const [name, script] of Object.entries(answers)) {
    const file = path.join(directory, name)
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
  }
  return directory
}

/** What Temporal and Kafka would answer: an archive each, and a checksum printed in groups. */
async function serveArchives(checksum?: string): Promise<Vendors> {
  const directory = programs({ temporal: 'echo I am Temporal' })
  mkdirSync(path.join(directory, 'kafka', 'libs'), { recursive: true })
  writeFileSync(path.join(directory, 'kafka', 'libs', 'kafka.jar'), '')
  execFileSync('tar', ['-czf', 'temporal.tgz', 'temporal'], { cwd: directory })
  execFileSync('tar', ['-czf', 'kafka.tgz', 'kafka'], { cwd: directory })
  const kafka = readFileSync(path.join(directory, 'kafka.tgz'))
  const digest = checksum ?? createHash('sha512').update(kafka).digest('hex').toUpperCase()
  const server = createServer(({ url = '' }, response) => {
    if (url.endsWith('.sha512')) response.end(`kafka.tgz: ${digest.replaceAll(/(.{8})/g, '$1 ')}\n`)
    else response.end(url.startsWith('/kafka') ? kafka : readFileSync(path.join(directory, 'temporal.tgz')))
  })
  const [port = 0] = await freePorts(1)
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  onTestFinished(() => void server.close())
  return { temporal: `http://127.0.0.1:${port}/temporal`, kafka: `http://127.0.0.1:${port}/kafka` }
}

describe('a download', () => {
  it('is kept for the next run', async () => {
    const here = surroundings()
    const directory = await keep(here, 'part', (scratch) => writeFile(path.join(scratch, 'file'), 'content'))
    const again = await keep(here, 'part', () => Promise.reject(new Error('fetched twice')))
    expect(again).toBe(directory)
    expect(readFileSync(path.join(directory, 'file'), 'utf8')).toBe('content')
  })

  it('that fails leaves nothing that the next run could take for whole', async () => {
    const here = surroundings()
    const failing = keep(here, 'part', async (scratch) => {
      await writeFile(path.join(scratch, 'half'), 'hal')
      throw new Error('the connection broke')
    })
    await expect(failing).rejects.toThrow('the connection broke')
    expect(readdirSync(here.cacheDirectory)).toEqual([])
  })

  it('that was abandoned by a killed run is removed in time', async () => {
    const here = surroundings()
    const abandoned = path.join(here.cacheDirectory, '.fetching-abandoned')
    mkdirSync(abandoned, { recursive: true })
    vi.useFakeTimers({ now: Date.now() + 7_200_000, toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    await keep(here, 'part', async () => {})
    expect(readdirSync(here.cacheDirectory)).toEqual(['part'])
  })

  it('by two runs at once is whole for both', async () => {
    const here = surroundings()
    const fill = (content: string) => (scratch: string) => writeFile(path.join(scratch, 'file'), content)
    const [one, other] = await Promise.all([
      keep(here, 'part', fill('same')),
      keep(here, 'part', fill('same')),
    ])
    expect(one).toBe(other)
    expect(readFileSync(path.join(one, 'file'), 'utf8')).toBe('same')
    expect(readdirSync(here.cacheDirectory)).toEqual(['part'])
  })

  it('tells what its client said when it failed', async () => {
    const failing = run('sh', ['-c', 'echo no such package >&2; exit 7'], { cwd: temporaryDirectory() })
    await expect(failing).rejects.toThrow(/sh failed \(7\)\nno such package/)
  })
})

describe('a part', () => {
  it('named in the environment is taken before one on PATH', async () => {
    const named = path.join(programs({ mine: '' }), 'mine')
    const PATH = programs({ temporal: '', 'temporal-test-server': '' })
    expect(await findTemporal(surroundings({ TEMPORAL_CLI: named, PATH }))).toBe(named)
    expect(await findTestServer(surroundings({ TEMPORAL_TEST_SERVER: named, PATH }))).toBe(named)
    expect(await findTemporal(surroundings({ PATH }))).toBe(path.join(PATH, 'temporal'))
  })

  it('named in the environment but not there is an error that names the variable', async () => {
    await expect(findTemporal(surroundings({ TEMPORAL_CLI: '/nowhere' }))).rejects.toThrow(
      'TEMPORAL_CLI names /nowhere',
    )
  })

  it('kept by an earlier run is taken without asking any client', async () => {
    const here = surroundings({ PATH: '' })
    const kept = path.join(here.cacheDirectory, `temporal-1.9.1-${process.platform}-${process.arch}`)
    mkdirSync(kept, { recursive: true })
    expect(await findTemporal(here)).toBe(path.join(kept, 'temporal'))
  })

  it('is fetched from its maker where there is no client of a registry', async () => {
    const PATH = programs({ java: `echo 'openjdk version "21.0.1"' >&2` })
    const vendors = await serveArchives()
    const temporal = await findTemporal({ ...surroundings({ PATH: '' }), vendors })
    expect(execFileSync(temporal, { encoding: 'utf8' })).toBe('I am Temporal\n')
    const { libs } = await findKafka({ ...surroundings({ PATH }), vendors })
    expect(readdirSync(libs)).toEqual(['kafka.jar'])
  })

  it('is refused when its maker publishes another checksum', async () => {
    const PATH = programs({ java: `echo 'openjdk version "21.0.1"' >&2` })
    const vendors = await serveArchives('0'.repeat(128))
    await expect(findKafka({ ...surroundings({ PATH }), vendors })).rejects.toThrow(
      'the download differs from',
    )
  })

  it('that cannot be had lists what was tried and what can be done', async () => {
    await expect(findTemporal(surroundings({ PATH: '' }))).rejects.toThrow(
      /Temporal is needed and was not found[^]*there is no python3 on PATH[^]*set TEMPORAL_ADDRESS/,
    )
  })

  it('of Java needs version 17, and without it points at --without-kafka', async () => {
    const old = programs({ java: `echo 'openjdk version "11.0.2"' >&2` })
    for (const PATH of ['', old])
      await expect(findKafka(surroundings({ PATH }))).rejects.toThrow('npm start -- --without-kafka')
    const PATH = programs({ java: `echo 'openjdk version "21.0.1"' >&2` })
    const home = temporaryDirectory()
    mkdirSync(path.join(home, 'libs'))
    expect(await findKafka(surroundings({ PATH, KAFKA_HOME: home }))).toEqual({
      java: path.join(PATH, 'java'),
      libs: path.join(home, 'libs'),
    })
  })

  it('is looked for on PATH among executables only', async () => {
    const directory = programs({ there: '' })
    writeFileSync(path.join(directory, 'text'), '', { mode: 0o644 })
    expect(await onPath('there', { PATH: `/nowhere:${directory}` })).toBe(path.join(directory, 'there'))
    expect(await onPath('text', { PATH: directory })).toBeUndefined()
  })
})
