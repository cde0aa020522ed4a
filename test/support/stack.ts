/** What tests know of the parts that `global-setup.ts` started. */

import { randomBytes } from 'node:crypto'
import { Connection } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import type { WorkflowBundleOption } from '@temporalio/worker'
import postgres from 'postgres'
import { inject } from 'vitest'
import { localPassword } from '../../local/parts/postgres.ts'
import { localStripeKey, startStripe } from '../../local/parts/stripe.ts'
import { freePorts } from '../../local/ports.ts'
import { Processes } from '../../local/processes.ts'
import { ensureSearchAttributes } from '../../setup/search-attributes.ts'

export interface Parts {
  postgres: { superuserUrl: string; template: string }
  temporal: { address: string; uiUrl: string }
  kafka: { brokers: string }
  stripe: { apiBase: string; secretKey: string }
  testServer: { executable: string }
  /** The workflows as a worker runs them, built once for the run. */
  workflowBundle: { file: string }
}
export type PartName = keyof Parts
export type ProvidedPart<Value> = { value: Value } | { error: string }

declare module 'vitest' {
  interface ProvidedContext {
    parts: { [Name in PartName]?: ProvidedPart<Parts[Name]> }
    /** A directory of this run, for logs and the like; it is removed at the end. */
    runDirectory: string
  }
}

/** Where a part of this run is reached.
 *  @throws with the reason when the part could not be had, or is not one of this project (see `vitest.config.ts`). */
export function part<Name extends PartName>(name: Name): Parts[Name] {
  const provided = inject('parts')[name]
  if (!provided)
    throw new Error(`These tests belong to a project that does not start ${name}; see vitest.config.ts.`)
  if ('error' in provided) throw new Error(`These tests need ${name}.\n${provided.error}`)
  return provided.value
}

export const workflowBundle = (): WorkflowBundleOption => ({ codePath: part('workflowBundle').file })

export interface TestDatabase {
  /** Of the application's role, which row-level security binds. */
  applicationUrl: string
  systemUrl: string
  ownerUrl: string
  superuserUrl: string
  drop(): Promise<void>
}

/** A migrated database of its own, copied from the template in some tens of milliseconds. */
export async function createDatabase(
  { superuserUrl, template }: Parts['postgres'] = part('postgres'),
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await withSuperuser(superuserUrl, async (sql) => {
    // Two copies at once disturb each other: the template must have no other user.
    await sql`select pg_advisory_lock(7164002)`
    await sql.unsafe(`create database ${name} template ${template} owner quittance_owner`)
  })
  const url = (role: string) => {
    const address = new URL(superuserUrl)
    address.pathname = name
    address.username = role
    address.password = localPassword
    return address.href
  }
  return {
    applicationUrl: url('quittance_app'),
    systemUrl: url('quittance_system'),
    ownerUrl: url('quittance_owner'),
    superuserUrl: url('postgres'),
    drop: () =>
      withSuperuser(superuserUrl, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`)),
  }
}

async function withSuperuser(url: string, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await work(sql)
  } finally {
    await sql.end()
  }
}

/** A Temporal namespace of its own, so that the workers of test files that run at once do not take each other's tasks. */
export async function createNamespace(
  { address }: Pick<Parts['temporal'], 'address'> = part('temporal'),
): Promise<{ address: string; namespace: string }> {
  const namespace = `test-${randomBytes(6).toString('hex')}`
  const connection = await Connection.connect({ address })
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    })
  } finally {
    await connection.close()
  }
  await ensureSearchAttributes({ address, namespace, apiKey: undefined, tls: undefined })
  return { address, namespace }
}

/** A local Stripe of its own, whose webhooks no other test file receives. */
export async function createStripe(): Promise<{ apiBase: string; secretKey: string; stop(): Promise<void> }> {
  const [port = 0] = await freePorts(1)
  const processes = new Processes(inject('runDirectory'))
  const { apiBase } = await startStripe({ processes, port, keepState: false, name: `stripe-${port}` })
  return { apiBase, secretKey: localStripeKey, stop: () => processes.stopAll() }
}
