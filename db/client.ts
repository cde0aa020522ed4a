import { sql } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { ProjectId } from '../domain/ids.ts'
import * as schema from './schema/index.ts'

/** The way into Postgres: the application's role for work inside a project, the system role for what comes before. */

export type Database = PostgresJsDatabase<typeof schema>
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

export interface Connections {
  /** Sees only the rows of the project that its transaction names. */
  application: Database
  /** Sees keys, inbox, outbox and what is due, over all projects, and little else. */
  system: Database
  /** For what needs the bare client: LISTEN and the relay's locks. */
  systemClient: postgres.Sql
  close(): Promise<void>
}

export interface ConnectOptions {
  applicationUrl: string
  systemUrl: string
  /** Connections of each role. Callers beyond that wait in line. */
  poolSize: number
  /** Shown in pg_stat_activity. */
  applicationName: string
}

export function connect({
  applicationUrl,
  systemUrl,
  poolSize,
  applicationName,
}: ConnectOptions): Connections {
  const open = (url: string, max: number) =>
    postgres(url, {
      max,
      connect_timeout: 5,
      idle_timeout: 300,
      onnotice: () => {},
      connection: {
        application_name: applicationName,
        // A query that hangs must not look like a process that died: fail, and let the caller's retry decide.
        statement_timeout: 15_000,
        idle_in_transaction_session_timeout: 30_000,
      },
    })
  const applicationClient = open(applicationUrl, poolSize)
  const systemClient = open(systemUrl, poolSize)
  return {
    application: drizzle(applicationClient, { schema }),
    system: drizzle(systemClient, { schema }),
    systemClient,
    async close() {
      await Promise.all([applicationClient.end({ timeout: 5 }), systemClient.end({ timeout: 5 })])
    },
  }
}

/** Runs work in one transaction that sees and writes rows of this project only. */
export function inProject<Result>(
  database: Database,
  projectId: ProjectId,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return database.transaction(async (transaction) => {
    await transaction.execute(sql`select set_config('quittance.project_id', ${projectId}, true)`)
    return work(transaction)
  })
}
