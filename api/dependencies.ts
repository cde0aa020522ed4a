import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import type { PaymentProvider, WebhookVerifier } from '../domain/provider.ts'
import type { Dispatcher } from '../inbox/dispatch.ts'
import type { Metrics } from './metrics.ts'
import type { Orchestrator } from './orchestrator.ts'

/** Everything the API stands on, handed in by whoever composes it. */
export interface ApiDependencies {
  /** The application's role: row-level security binds it to one project per transaction. */
  application: Database
  /** The system role: keys, operators, inbox, answers kept under idempotency keys. */
  system: Database
  orchestrator: Orchestrator
  /** For reading alone: whatever changes something goes through a workflow. */
  provider: Pick<PaymentProvider, 'previewChange' | 'listPaymentMethods' | 'readCharge'>
  verifyWebhook: WebhookVerifier
  /** Wakes the owner of a stored event. */
  dispatcher: Dispatcher
  operatorKey: string
  /** Whether Stripe's live mode is connected; a key of the other mode is refused. */
  livemode: boolean
  /** Where integrators reach this API; without it, where the request came to. */
  publicUrl: string | undefined
  logger: Logger
  metrics: Metrics
}
