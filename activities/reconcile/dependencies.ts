import type { Database } from '../../db/client.ts'
import type { ProviderBooks } from '../../domain/provider-books.ts'
import type { Finding, OwnerToTell } from '../../domain/reconciliation.ts'

/** What a comparison stands on. It is of the whole installation, and so sees more than other activities: which projects there
 *  are, and whose Stripe's objects are. Rows of a project it reads within the project. */
export interface ReconcileDependencies {
  /** The application's role: every transaction names its project. */
  database: Database
  /** The system role. */
  system: Database
  books: ProviderBooks
  /** Tells the workflow that owns an object that it has changed, as a webhook would have. */
  tellOwner: (owner: OwnerToTell, hint: { eventId: string; at: Date }) => Promise<void>
  livemode: boolean
}

/** What comparing a page has shown. */
export interface Comparison {
  findings: Finding[]
  /** How many of its objects are none of ours. */
  foreign: number
}
