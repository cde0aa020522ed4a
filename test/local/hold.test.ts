import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { hold } from '../../local/hold.ts'
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
    const file = path.join(directory, 'start.json')
    writeFileSync(file, JSON.stringify({ pid: 2 ** 30, startedAt: '1' }))
    const letGo = await hold(directory)
    expect(readFileSync(file, 'utf8')).toContain(String(process.pid))
    letGo()
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'another day' }))
    await hold(directory)
    expect(readFileSync(file, 'utf8')).not.toContain('another day')
  })

  it('is got by only one of several that start at once', async () => {
    const directory = temporaryDirectory()
    const results = await Promise.allSettled([hold(directory), hold(directory), hold(directory)])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
