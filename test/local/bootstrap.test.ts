import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from './fixtures/temporary-directory.ts'

const repository = path.resolve(import.meta.dirname, '..', '..')

/** A clone with one dependency, and an npm that takes half a second, counts its runs and installs what it should. */
function newClone(): { root: string; environment: NodeJS.ProcessEnv } {
  const root = temporaryDirectory()
  const bin = temporaryDirectory()
  mkdirSync(path.join(root, 'scripts'))
  cpSync(path.join(repository, 'scripts', 'bootstrap.js'), path.join(root, 'scripts', 'bootstrap.js'))
  writeJson(root, 'package.json', { type: 'module', engines: { node: '>=20.11' } })
  lock(root, '1.0.0')
  writeFileSync(
    path.join(root, 'entry.mjs'),
    `console.log('ran', process.argv.slice(2).join(' ')); process.exit(5)`,
  )
  const npm = path.join(bin, 'npm')
  writeFileSync(
    npm,
    `#!/bin/sh
echo "$@" >> installs
sleep 0.5
mkdir -p node_modules/tsx
echo '{ "name": "tsx", "type": "module", "exports": "./index.js" }' > node_modules/tsx/package.json
touch node_modules/tsx/index.js
cp package-lock.json node_modules/.package-lock.json
`,
  )
  chmodSync(npm, 0o755)
  return { root, environment: { ...process.env, PATH: `${bin}:${process.env.PATH}` } }
}

function writeJson(root: string, file: string, content: object): void {
  writeFileSync(path.join(root, file), JSON.stringify(content))
}

function lock(root: string, version: string): void {
  const otherPlatform = { version: '1.0.0', optional: true }
  writeJson(root, 'package-lock.json', {
    packages: {
      '': { name: 'quittance' },
      'node_modules/tsx': { version },
      'node_modules/elsewhere': otherPlatform,
    },
  })
}

async function bootstrap({ root, environment }: ReturnType<typeof newClone>, ...args: string[]) {
  const child = spawn(process.execPath, ['scripts/bootstrap.js', 'entry.mjs', ...args], {
    cwd: root,
    env: environment,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const code = await new Promise((resolve) => {
    child.once('close', resolve)
  })
  return { code, output }
}

const installs = (root: string): number =>
  readFileSync(path.join(root, 'installs'), 'utf8').trim().split('\n').length

describe('the first step of every command', () => {
  it('installs what is missing, once, and hands over arguments and exit code', async () => {
    const clone = newClone()
    const first = await bootstrap(clone, '--fresh')
    expect(first.output).toContain('Installing the dependencies')
    expect(first.output).toContain('ran --fresh')
    expect(first.code).toBe(5)
    const second = await bootstrap(clone)
    expect(second.output).toBe('ran \n')
    expect(installs(clone.root)).toBe(1)
  })

  it('installs again when the lockfile has changed', async () => {
    const clone = newClone()
    await bootstrap(clone)
    lock(clone.root, '1.0.1')
    await bootstrap(clone)
    expect(installs(clone.root)).toBe(2)
  })

  it('lets one of several install while the others wait', async () => {
    const clone = newClone()
    const all = await Promise.all([bootstrap(clone), bootstrap(clone), bootstrap(clone)])
    expect(all.map(({ code }) => code)).toEqual([5, 5, 5])
    expect(all.filter(({ output }) => output.includes('waiting for it'))).toHaveLength(2)
    expect(installs(clone.root)).toBe(1)
  })

  it('takes over from an installation that was killed', async () => {
    const clone = newClone()
    mkdirSync(path.join(clone.root, '.quittance'))
    writeFileSync(path.join(clone.root, '.quittance', 'install.lock'), String(2 ** 30))
    expect((await bootstrap(clone)).code).toBe(5)
  })

  it('says what went wrong when the installation fails', async () => {
    const clone = newClone()
    writeFileSync(path.join(clone.environment.PATH?.split(':')[0] ?? '', 'npm'), '#!/bin/sh\nexit 9\n')
    const { code, output } = await bootstrap(clone)
    expect(code).toBe(1)
    expect(output).toContain('npm ci failed (9)')
  })

  it('says which Node.js it needs', async () => {
    const clone = newClone()
    writeJson(clone.root, 'package.json', { type: 'module', engines: { node: '>=99.1' } })
    const { code, output } = await bootstrap(clone)
    expect(code).toBe(1)
    expect(output).toContain('Quittance needs Node.js 99.1 or later')
  })
})
