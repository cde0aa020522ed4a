/** Which room may import what: the layout of the design as a table, held by `test/import-rules.test.ts`. */

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

interface Room {
  /** Rooms or single files whose values it may import. */
  imports: string[]
  /** Those it may import types from only. */
  types?: string[]
  /** The npm packages and Node modules it may import; unset means any but those kept to one place below. */
  packages?: RegExp
}

/** What is meant to be seen of a workflow from outside. */
const workflowFaces = ['workflows/messages.ts', 'workflows/ids.ts', 'workflows/search-attributes.ts']

const rooms: Record<string, Room> = {
  'config.ts': { imports: [], packages: /^$/ },
  'log.ts': { imports: [], packages: /^pino$/ },
  domain: { imports: ['domain'], packages: /^$/ },
  workflows: {
    imports: ['domain', 'workflows'],
    types: ['activities'],
    packages: /^@temporalio\/(workflow|common)$/,
  },
  activities: {
    // The names of workflows are what the deadlines of a test clock are kept under.
    imports: ['domain', 'db', 'activities', 'workflows/ids.ts'],
    packages: /^(@temporalio\/(activity|common)|node:.*)$/,
  },
  providers: { imports: ['domain', 'providers'], types: ['config.ts'] },
  // The published description of the events. A room of its own, because the domain imports no library.
  events: { imports: ['domain', 'events'], packages: /^zod$/ },
  db: { imports: ['domain', 'db'], types: ['config.ts'], packages: /^(drizzle-orm.*|postgres|node:.*)$/ },
  inbox: {
    imports: ['domain', 'db', 'inbox', ...workflowFaces],
    types: ['config.ts'],
    packages: /^(?!@temporalio\/(worker|workflow|activity)$)/,
  },
  api: {
    imports: ['domain', 'db', 'inbox', 'api', ...workflowFaces],
    types: ['config.ts', 'workflows'],
    packages: /^(?!@temporalio\/(worker|workflow|activity)$)/,
  },
  worker: {
    imports: ['activities', 'db', 'domain', 'inbox', 'worker', ...workflowFaces],
    types: ['config.ts'],
  },
  setup: {
    imports: ['domain', 'db', 'providers', 'setup', 'workflows/ids.ts', 'workflows/search-attributes.ts'],
    types: ['config.ts', 'workflows'],
  },
  // Only the mains compose: they read the configuration, build the adapters and hand them in.
  'api/main.ts': { imports: ['config.ts', 'log.ts', 'api', 'db', 'domain', 'inbox', 'providers'] },
  'worker/main.ts': {
    imports: [
      'config.ts',
      'log.ts',
      'worker',
      'activities',
      'db',
      'domain',
      'inbox',
      'providers',
      ...workflowFaces,
    ],
  },
  'setup/main.ts': { imports: ['config.ts', 'setup', 'db'] },
  local: { imports: ['setup', 'config.ts', 'local'] },
  // A stand-in that shared code with what it stands in for would share its mistakes.
  'local/stripe': { imports: ['local/stripe'] },
  cli: { imports: ['cli'] },
  console: { imports: ['console'] },
  examples: { imports: ['examples'] },
}

/** Packages that one place alone may import, even as types, so that they can be changed there. */
const keptPackages: { package: string; place: string; also: string[] }[] = [
  { package: 'stripe', place: 'providers/stripe/', also: [] },
  { package: 'kafkajs', place: 'providers/kafka.ts', also: ['cli/', 'examples/'] },
  { package: 'nodemailer', place: 'providers/mail.ts', also: [] },
]

/** These see everything: they measure, prove and build. */
const free = ['bench', 'test', 'scripts', 'drizzle.config.ts', 'vitest.config.ts']

const wordRules: { pattern: RegExp; appliesTo: (file: string) => boolean; rule: string }[] = [
  {
    pattern: /process\.env\b/,
    appliesTo: (file) => !/^(config\.ts$|local\/|cli\/|console\/|examples\/)/.test(file),
    rule: 'reads the environment, which config.ts alone does',
  },
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bMath\.random\(|\bcrypto\b|\brandomUUID\b/,
    appliesTo: (file) => file.startsWith('domain/'),
    rule: 'has a clock or a die, which the domain must not have',
  },
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/,
    appliesTo: (file) => file.startsWith('workflows/') && file !== 'workflows/clock.ts',
    rule: 'asks for the time or a random number itself; workflows/clock.ts does',
  },
]

/** Every breach in the checkout, as `file: what it does`. */
export function importBreaches(root: string): string[] {
  return sourceFiles(root).flatMap((file) => breachesIn(file, readFileSync(path.join(root, file), 'utf8')))
}

/** The breaches of one file; its path is relative to the checkout, with forward slashes. */
export function breachesIn(file: string, source: string): string[] {
  if (free.some((place) => isWithin(file, place))) return []
  const code = withoutComments(source)
  const roomName = roomOf(file)
  const room = roomName === undefined ? undefined : rooms[roomName]
  if (!room) return [`${file}: lies in no room that the layout knows`]
  const imports = importsOf(code).flatMap((found) => breachOf(file, room, found) ?? [])
  const words = wordRules
    .filter(({ pattern, appliesTo }) => appliesTo(file) && pattern.test(code))
    .map(({ rule }) => rule)
  return [...imports, ...words].map((breach) => `${file}: ${breach}`)
}

interface Import {
  from: string
  isTypeOnly: boolean
}

function breachOf(file: string, room: Room, { from, isTypeOnly }: Import): string | undefined {
  if (!from.startsWith('.')) {
    const name = from
      .split('/')
      .slice(0, from.startsWith('@') ? 2 : 1)
      .join('/')
    const kept = keptPackages.find((entry) => entry.package === name)
    if (kept && ![kept.place, ...kept.also].some((place) => file.startsWith(place)))
      return `imports ${name}, which only ${kept.place} may`
    return room.packages && !room.packages.test(from) ? `imports the package ${from}` : undefined
  }
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), from))
  const allowed = isTypeOnly ? [...room.imports, ...(room.types ?? [])] : room.imports
  if (!allowed.some((place) => isWithin(target, place)))
    return `imports ${isTypeOnly ? 'types of ' : ''}${target}`
  const targetRoom = roomOf(target)
  // A main composes and is composed by nobody; the local Stripe is reached over HTTP.
  const isPrivate = target.endsWith('/main.ts') || targetRoom === 'local/stripe'
  return isPrivate && targetRoom !== roomOf(file)
    ? `imports ${target}, which is a program of its own`
    : undefined
}

/** The most specific room: a file or folder with its own row goes before the folder that holds it. */
function roomOf(file: string): string | undefined {
  return Object.keys(rooms)
    .filter((name) => isWithin(file, name))
    .toSorted((one, other) => other.length - one.length)[0]
}

const isWithin = (file: string, place: string): boolean => file === place || file.startsWith(`${place}/`)

function importsOf(code: string): Import[] {
  const statements = [...code.matchAll(/^\s*(?:import|export)\s([^'"`;()]*?from\s*)?['"]([^'"]+)['"]/gm)].map(
    ([, clause = '', from = '']) => ({ from, isTypeOnly: isTypeClause(clause) }),
  )
  // `typeof import('…')` and `import('…').Name` are types; whoever awaits the import wants its values.
  const calls = [...code.matchAll(/(await\s+)?\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map(
    ([, awaited, from = '']) => ({ from, isTypeOnly: awaited === undefined }),
  )
  return [...statements, ...calls]
}

/** `type X from`, `type { … } from`, or braces in which every name is marked as a type. */
function isTypeClause(clause: string): boolean {
  if (/^type\s/.test(clause)) return true
  const names = /^\{([^}]*)\}\s*from/.exec(clause)?.[1]
  return (
    names !== undefined && names.split(',').every((name) => name.trim() === '' || /^\s*type\s/.test(name))
  )
}

/** Comments may speak of anything. A `//` within a string ends that line early, which hides no import. */
const withoutComments = (source: string): string =>
  source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:])\/\/.*$/gm, '$1')

function sourceFiles(root: string): string[] {
  const skipped = new Set(['node_modules', '.git', '.quittance', 'coverage', 'dist'])
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => !skipped.has(entry.name))
    .flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(path.join(root, entry.name), { recursive: true, encoding: 'utf8' }).map((file) =>
            path.posix.join(entry.name, file.split(path.sep).join('/')),
          )
        : [entry.name],
    )
    .filter((file) => /\.(ts|tsx|mts|js|mjs)$/.test(file) && !file.includes('node_modules/'))
}
