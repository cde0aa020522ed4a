import { sql } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { ProjectId } from '../domain/ids.ts'
import { preparing } from './prepared.ts'
import * as schema from './schema/index.ts'

/** The way into Postgres: the application's role for work inside a project, the system role for what comes before. */

export type Database = PostgresJsDatabase<typeof schema>
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]

export interface Connections {
  /** Sees only the rows of the project that its transaction names. */
  application: Database
  /** Sees keys, inbox, outbox and what is due, over all projects, and little else. */
  system: Database
  /** For what needs the bare client: LISTEN. */
  systemClient: postgres.Sql
  /** One connection of the system role for itself alone, for locks that live as long as it does. The caller ends it. */
  openSystemSession(): postgres.Sql
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
  // On a connection that breaks while the client asks for the server's types, nobody hears of the failure, and the process
  // dies of it. Drizzle needs no types: it reads and writes arrays itself.
  const fetch_types = false
  const open = (url: string, max: number) =>
    postgres(url, {
      max,
      connect_timeout: 5,
      fetch_types,
      idle_timeout: 300,
      // The client's own goes up to 20 seconds, for which a database that is back would still look gone.
      backoff: (attempts: number) => Math.min(2 ** attempts / 50, 1),
      onnotice: () => {},
      connection: {
        application_name: applicationName,
        // A query that hangs must not look like a process that died: fail, and let the caller's retry decide.
        statement_timeout: 15_000,
        idle_in_transaction_session_timeout: 30_000,
      },
    })
  const openSystemSession = () =>
    postgres(systemUrl, {
      max: 1,
      max_lifetime: null,
      connect_timeout: 5,
      fetch_types,
      // A session that is lost is wanted back at once, and one caller cannot overrun the server.
      backoff: () => 0.25,
      onnotice: () => {},
      connection: {
        application_name: `${applicationName}-session`,
        statement_timeout: 5_000,
        // A machine that vanishes says no goodbye: the server must notice within seconds.
        tcp_keepalives_idle: 2,
        tcp_keepalives_interval: 1,
        tcp_keepalives_count: 3,
      },
    })
  const applicationClient = open(applicationUrl, poolSize)
  const systemClient = open(systemUrl, poolSize)
  return {
    application: drizzle(preparing(applicationClient), { schema }),
    system: drizzle(preparing(systemClient), { schema }),
    systemClient,
    openSystemSession,
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
