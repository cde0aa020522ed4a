import { showDetails } from './details.ts'
import { allHandlersFinished, condition, setHandler, setWorkflowOptions } from '@temporalio/workflow'
import { type CatalogInput, catalogPublished, state } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { stripe } from './proxies.ts'
import { pinned } from './versioning.ts'

// Short: it ends with the release that began it.
setWorkflowOptions(pinned, catalog)

/** Makes the prices of a project's plans and products at Stripe. */
export async function catalog({ projectId }: CatalogInput): Promise<void> {
  let published = false
  const desk = operatorDesk({ projectId, subjectId: projectId, correlationId: projectId })
  setHandler(catalogPublished, () => condition(() => published))
  setHandler(state, () => ({
    status: published ? ('published' as const) : ('publishing' as const),
    waitingFor: published ? 'nothing' : 'Stripe to make the prices',
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  showDetails('Making the prices of plans and products at Stripe.')
  await desk.attend('Stripe refused a price.', () => stripe.publishCatalog({ projectId }))
  published = true
  showDetails('Every plan and product has its price at Stripe.')
  await condition(allHandlersFinished)
}
