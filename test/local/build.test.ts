import { readFile, rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { runBuilt } from '../../local/build.ts'

describe('an entry that is built', () => {
  it('is one whole file, also when several want it at once', async () => {
    const [, file = ''] = await runBuilt('cli/demo.ts')
    const code = await readFile(file, 'utf8')
    await rm(file)
    const answers = await Promise.all(Array.from({ length: 8 }, () => runBuilt('cli/demo.ts')))
    expect(answers).toEqual(Array.from({ length: 8 }, () => ['--enable-source-maps', file]))
    expect(await readFile(file, 'utf8')).toBe(code)
  })
})
