import { type Client, WithStartWorkflowOperation } from '@temporalio/client'
import type { ProjectId } from '../domain/ids.ts'
import { openCheckout } from '../inbox/open-checkout.ts'
import { catalogStart, type CheckoutStart } from '../inbox/starts.ts'
import { catalogPublished, type OpenedSession } from '../workflows/messages.ts'

/** What the API asks of workflows. */
export interface Orchestrator {
  /** Starts the checkout of a payment, or finds it, and answers with its payment page.
   *  @throws BillingError; one that may be retried means that the work goes on by itself. */
  openCheckout(payment: CheckoutStart): Promise<OpenedSession>
  /** Starts to publish a project's prices at the provider and waits a moment for it. */
  publishCatalog(projectId: ProjectId): Promise<void>
  isReachable(): Promise<boolean>
}

/** Below the 10 seconds after which HTTP clients commonly give up. */
const CHECKOUT_DEADLINE_MS = 8_000
/** The first checkout publishes what it needs anyway, so nobody waits long for the rest. */
const CATALOG_DEADLINE_MS = 2_000
const HEALTH_DEADLINE_MS = 1_000

export function createOrchestrator(temporal: Client): Orchestrator {
  return {
    openCheckout: (payment) => openCheckout(temporal, payment, { deadline_ms: CHECKOUT_DEADLINE_MS }),

    async publishCatalog(projectId) {
      await temporal.withDeadline(Date.now() + CATALOG_DEADLINE_MS, () =>
        temporal.workflow.executeUpdateWithStart(catalogPublished, {
          startWorkflowOperation: new WithStartWorkflowOperation('catalog', catalogStart(projectId)),
        }),
      )
    },

    async isReachable() {
      try {
        await temporal.withDeadline(Date.now() + HEALTH_DEADLINE_MS, () =>
          temporal.workflowService.getSystemInfo({}),
        )
        return true
      } catch {
        return false
      }
    },
  }
}
