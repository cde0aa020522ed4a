import { foreignKey, index, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'
import type { ClockId, ProjectId } from '../../domain/ids.ts'
import { instant, recordedNow } from './columns.ts'
import { projects } from './projects.ts'

/** A time of its own for some customers of test mode, moved by hand. Live mode knows none. */
export const testClocks = pgTable(
  'test_clocks',
  {
    projectId: text('project_id')
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.projectId),
    clockId: text('clock_id').$type<ClockId>().notNull(),
    name: text('name'),
    /** What time it is on the clock: Stripe has arrived there. */
    frozenTime: instant('frozen_time').notNull(),
    /** Where it is going, or has gone. */
    targetTime: instant('target_time').notNull(),
    /** `ready` when it has arrived, and every workflow on it has done what was due. */
    status: text('status').$type<'ready' | 'advancing'>().notNull(),
    correlationId: text('correlation_id').notNull(),
    stripeTestClockId: text('stripe_test_clock_id'),
    createdAt: recordedNow('created_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.clockId] }),
    uniqueIndex('test_clocks_stripe').on(table.stripeTestClockId),
  ],
)

/** What each workflow on a test clock waits for. Workflows of live mode have timers of Temporal's and no row here. */
export const clockDeadlines = pgTable(
  'clock_deadlines',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    clockId: text('clock_id').$type<ClockId>().notNull(),
    workflowId: text('workflow_id').notNull(),
    /** When it wants to be woken, by its clock; in the past while it still has something to do. */
    nextAt: instant('next_at').notNull(),
    /** Up to what time, by its clock, it has done all that was due. */
    settledAt: instant('settled_at').notNull(),
    updatedAt: recordedNow('updated_at'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.workflowId] }),
    foreignKey({
      columns: [table.projectId, table.clockId],
      foreignColumns: [testClocks.projectId, testClocks.clockId],
    }),
    index('clock_deadlines_due').on(table.projectId, table.clockId, table.nextAt),
  ],
)
