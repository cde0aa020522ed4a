import { type JournalFormat, journalWriter } from '../domain/journal.ts'
import type { ProjectId } from '../domain/ids.ts'
import { type Database, inProject } from './client.ts'
import { listEntries, type StatementFilter, type StatementPlace } from './ledger-statements.ts'

/** Entries in a piece: as many as are in memory at once, however long the ledger is. */
const PIECE = 500

/** The whole ledger of a project in pieces of text. Each is read in a short transaction of its own: whoever reads slowly holds
 *  no connection. Entries are whole and in order, so what is added meanwhile cannot put the file out of balance. */
export async function* exportLedger(
  database: Database,
  { projectId, format, ...filter }: { projectId: ProjectId; format: JournalFormat } & StatementFilter,
): AsyncGenerator<string> {
  const writer = journalWriter(format, `Ledger of ${projectId}`)
  yield writer.head()
  let after: StatementPlace | undefined
  for (;;) {
    const entries = await inProject(database, projectId, (transaction) =>
      listEntries(transaction, projectId, filter, { after, limit: PIECE }),
    )
    const last = entries.at(-1)
    if (entries.length > 0) yield entries.map((entry) => writer.entry(entry)).join('')
    if (!last || entries.length < PIECE) break
    after = { createdAt: last.occurredAt, id: last.entryId }
  }
  yield writer.tail()
}
