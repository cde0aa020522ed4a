import {
  allHandlersFinished,
  condition,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import type { TopUpStatus } from '../domain/credits.ts'
import { showDetails } from './details.ts'
import { state, type TopUpInput } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { record, stripe } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { pinned } from './versioning.ts'

// Short: it ends with the release that began it.
setWorkflowOptions(pinned, topUp)

/** One pack of credits that a wallet buys by itself, with the saved card. Declined, it ends: nobody is charged again and again. */
export async function topUp({ projectId, paymentId, correlationId }: TopUpInput): Promise<TopUpStatus> {
  let status: TopUpStatus = 'requested'
  const desk = operatorDesk({ projectId, subjectId: paymentId, correlationId })
  setHandler(state, () => ({
    status,
    waitingFor: status === 'requested' ? 'Stripe to charge the saved card' : 'nothing',
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  showDetails('Charging the saved card for a pack of credits.')
  const charged = await desk.attend('The saved card could not be charged.', () =>
    stripe.chargeTopUp({ projectId, paymentId }),
  )
  status = charged ?? (await record.skipTopUp({ projectId, paymentId }))
  upsertSearchAttributes([{ key: searchAttributes.status, value: status }])
  showDetails(described[status])
  await condition(allHandlersFinished)
  return status
}

const described: Record<TopUpStatus, string> = {
  requested: 'The top-up is wanted.',
  charging: 'The saved card is being charged.',
  succeeded: 'The saved card has paid, and the credits are in the wallet.',
  declined:
    'The saved card did not pay. The wallet buys nothing more until somebody sets it anew or pays by hand.',
  skipped: 'It was not needed any more, or an operator went on without it.',
}
