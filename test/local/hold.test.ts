import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { claims, hold } from '../../local/hold.ts'
import { temporaryDirectory } from './fixtures/temporary-directory.ts'

describe('a state directory', () => {
  it('is held by one run, and a second is told by whom', async () => {
    const directory = temporaryDirectory()
    const letGo = await hold(directory)
    await expect(hold(directory)).rejects.toThrow(`process ${process.pid} holds ${directory}`)
    letGo()
    const letGoAgain = await hold(directory)
    letGoAgain()
  })

  it('is taken from a holder that is dead, even when another process has its id now', async () => {
    const directory = temporaryDirectory()
    leave(directory, { pid: 2 ** 30, startedAt: '1', holds: true })
    const letGo = await hold(directory)
    expect(claimsIn(directory)).toEqual([expect.objectContaining({ pid: process.pid })])
    letGo()
    leave(directory, { pid: process.pid, startedAt: 'another day', holds: true })
    await hold(directory)
    expect(claimsIn(directory)).not.toContainEqual(expect.objectContaining({ startedAt: 'another day' }))
  })

  it('is got by only one of several that start at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const directory = temporaryDirectory()
      const results = await Promise.allSettled([hold(directory), hold(directory), hold(directory)])
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    }
  })
})

function leave(directory: string, claim: object): void {
  mkdirSync(path.join(directory, claims), { recursive: true })
  writeFileSync(path.join(directory, claims, 'left.json'), JSON.stringify(claim))
}

function claimsIn(directory: string): unknown[] {
  const folder = path.join(directory, claims)
  return readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as unknown,
  )
}
