import { sql } from 'drizzle-orm'
import { boolean, check, pgTable } from 'drizzle-orm/pg-core'
import { recordedNow } from './columns.ts'

/** What is true of the whole installation, in a single row. Whoever starts first writes it, and nobody changes it. */
export const installation = pgTable(
  'installation',
  {
    only: boolean('only').primaryKey().default(true),
    livemode: boolean('livemode').notNull(),
    settledAt: recordedNow('settled_at'),
  },
  (table) => [check('installation_only', sql`${table.only}`)],
)
