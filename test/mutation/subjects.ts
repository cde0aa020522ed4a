import { readdirSync } from 'node:fs'
import path from 'node:path'

/** Of the properties that fast-check tries. */
export const SEED = 20_270_110

export interface Subject {
  /** The file whose mutants are made, from the root of the checkout. */
  file: string
  /** The tests that must kill them. */
  tests: string[]
}

/** Files of the domain without mutants worth a test. */
export const leftOut: Record<string, string> = {
  'domain/event-data.ts': 'types',
  'domain/mailer.ts': 'a port: types, and the name of an error',
  'domain/provider-books.ts': 'types',
  'domain/provider.ts': 'a port: types, and the names of metadata, which the tests of its adapter hold',
  'domain/publisher.ts': 'a port: types, and the name of an error',
}

/** Tests beside those that go by the name of the file. */
const more: Record<string, string[]> = {
  'domain/decide-subscription.ts': ['test/domain/subscription-properties.test.ts'],
}

/** What is mutated, each file against the tests of its own name: what only the tests of others notice is not pinned down. */
export function subjectsIn(root: string): Subject[] {
  const domain = readdirSync(path.join(root, 'domain')).map((name) => `domain/${name}`)
  return [...domain.filter((file) => !(file in leftOut)), 'db/ledger.ts'].map((file) => ({
    file,
    tests: [`test/${file.replace(/\.ts$/, '.test.ts')}`, ...(more[file] ?? [])],
  }))
}
