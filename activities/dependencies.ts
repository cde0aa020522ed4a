import type { Database } from '../db/client.ts'
import type { PaymentProvider } from '../domain/provider.ts'

/** What activities are given; they see ports and the database, never a package behind a port. */
export interface ActivityDependencies {
  /** The application's role: every transaction names its project. */
  database: Database
  provider: PaymentProvider
  now: () => Date
  ticker: Ticker
}

/** Tells workflows on a test clock what time it is. */
export interface Ticker {
  /** @returns whether it runs. */
  tick(workflowId: string, at: number): Promise<boolean>
}
