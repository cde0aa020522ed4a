// `node scripts/bootstrap.js ENTRY [ARGUMENTS]` installs the dependencies when they are not those of the lockfile and
// then runs a TypeScript entry in this same process, so that arguments, signals and the exit code need no forwarding.
//
// Plain JavaScript without a dependency, because on a fresh clone there is nothing else, and without newer syntax, so
// that a Node.js that is too old gets far enough to say so.

import { spawn } from 'child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'fs'
import path from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const lock = path.join(root, '.quittance', 'install.lock')

main().catch((error) => {
  console.error(error && error.stack ? error.stack : error)
  process.exit(1)
})

async function main() {
  requireNode()
  const entry = process.argv[2]
  if (!entry) throw new Error('Usage: node scripts/bootstrap.js ENTRY [ARGUMENTS]')
  if (!isInstalled()) await installInTurn()

  process.chdir(root)
  const file = path.resolve(root, entry)
  process.argv.splice(1, 2, file)
  await import('tsx')
  await import(pathToFileURL(file).href)
}

function requireNode() {
  const wanted = readJson('package.json').engines.node.replace(/[^0-9.]/g, '')
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number)
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  console.error(
    `Quittance needs Node.js ${wanted} or later; this is ${process.versions.node} (${process.execPath}).`,
  )
  process.exit(1)
}

/** npm writes what it installed into a lockfile of its own when it is done, so an interrupted installation has none. */
function isInstalled() {
  const wanted = readJson('package-lock.json').packages
  const installed = readJson('node_modules/.package-lock.json').packages
  if (!wanted || !installed) return false
  return Object.keys(wanted).every((name) => {
    if (name === '') return true // The project itself.
    if (!installed[name]) return Boolean(wanted[name].optional) // Of another platform.
    return installed[name].version === wanted[name].version
  })
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    throw error
  }
}

/** Of several that start at once, one installs and the others wait for it. */
async function installInTurn() {
  let told = false
  while (!(await takeLock())) {
    if (!told) console.log('Another process is installing the dependencies; waiting for it …')
    told = true
    await sleep(500)
    if (isInstalled() && !existsSync(lock)) return
  }
  const release = () => rmSync(lock, { force: true })
  process.once('exit', release)
  try {
    if (!isInstalled()) await install()
  } finally {
    process.removeListener('exit', release)
    release()
  }
}

async function takeLock() {
  mkdirSync(path.dirname(lock), { recursive: true })
  if (existsSync(lock) && !isAlive(Number(readFileSync(lock, 'utf8')))) rmSync(lock, { force: true })
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
  // Two that both found the lock of a dead process could each take it; the later one has it then.
  await sleep(100)
  return existsSync(lock) && readFileSync(lock, 'utf8') === String(process.pid)
}

function isAlive(pid) {
  if (!pid) return true // Being written this very moment.
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function install() {
  const startedAt = Date.now()
  const seconds = () => Math.round((Date.now() - startedAt) / 1000)
  console.log('Installing the dependencies (npm ci) …')
  const progress = setInterval(() => console.log(`  still installing, ${seconds()} s`), 10000)
  return new Promise((resolve, reject) => {
    // Development dependencies hold the local parts, so NODE_ENV must not leave them out.
    const npm = spawn('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    })
    npm.once('error', reject)
    npm.once('exit', (code, signal) => {
      clearInterval(progress)
      if (code !== 0) return reject(new Error(`npm ci failed (${signal || code}); see above.`))
      console.log(`Dependencies installed in ${seconds()} s.`)
      resolve()
    })
  })
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
