import { sql } from 'drizzle-orm'
import { boolean, foreignKey, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import type { CustomerId, ProjectId } from '../../domain/ids.ts'
import type { NoticeData } from '../../domain/notices.ts'
import { instant, recordedNow } from './columns.ts'
import { customers } from './payments.ts'

/** Why a notice is not sent as a mail. `refused`: by the mail server, again and again. `too_late`: it waited so long that it
 *  would tell what is no longer so. */
export type SkippedReason = 'no_address' | 'refused' | 'too_late'

/** Notices on their way to customers as mails, written in the transaction of the fact they tell. No personal data: the
 *  address is that of the customer when the mail is sent. */
export const notices = pgTable(
  'notices',
  {
    projectId: text('project_id').$type<ProjectId>().notNull(),
    /** What it is about, as an intent: `dunning/in_1/retry-2/upcoming`. The same notice is not written twice. */
    noticeId: text('notice_id').notNull(),
    customerId: text('customer_id').$type<CustomerId>().notNull(),
    livemode: boolean('livemode').notNull(),
    data: jsonb('data').$type<NoticeData>().notNull(),
    createdAt: recordedNow('created_at'),
    sentAt: instant('sent_at'),
    attempts: integer('attempts').notNull().default(0),
    /** How often the mail server has refused it for good: after a few times it is given up. */
    refusals: integer('refusals').notNull().default(0),
    nextAttemptAt: instant('next_attempt_at')
      .notNull()
      .default(sql`now()`),
    lastError: text('last_error'),
    skippedReason: text('skipped_reason').$type<SkippedReason>(),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.noticeId] }),
    foreignKey({
      columns: [table.projectId, table.customerId],
      foreignColumns: [customers.projectId, customers.customerId],
    }),
    index('notices_unsent')
      .on(table.nextAttemptAt)
      .where(sql`${table.sentAt} is null and ${table.skippedReason} is null`),
  ],
)
