import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'

export interface MigrateInput {
  /** The role that owns the schema: it may create roles and bypasses row-level security. Never used at run time. */
  ownerUrl: string
  applicationPassword: string
  systemPassword: string
}

/** Two deployments that migrate at once take turns. */
const MIGRATION_LOCK = 7_164_001

/** Brings the database to the schema of this checkout. Safe to repeat, and to run by several at once. */
export async function migrate({
  ownerUrl,
  applicationPassword,
  systemPassword,
}: MigrateInput): Promise<void> {
  const sql = postgres(ownerUrl, { max: 1, onnotice: () => {} })
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`
    await ensureLogin(sql, 'quittance_app', applicationPassword)
    await ensureLogin(sql, 'quittance_system', systemPassword)
    await applyMigrations(drizzle(sql), {
      migrationsFolder: fileURLToPath(new URL('../db/migrations', import.meta.url)),
    })
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Roles belong to the whole server, so another database of the same server may have made them already. */
async function ensureLogin(sql: postgres.Sql, role: string, password: string): Promise<void> {
  const [existing] = await sql`select from pg_roles where rolname = ${role}`
  // A utility statement takes no parameters; the server itself quotes what goes into it.
  const [statement] = await sql<[{ text: string }]>`
    select format(${existing ? 'alter' : 'create'} || ' role %I login password %L',
      ${role}::text, ${password}::text) as text`
  await sql.unsafe(statement.text)
}
