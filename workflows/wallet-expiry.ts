import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow'
import { clockOf, describeTime } from './clock.ts'
import { showDetails } from './details.ts'
import { state, walletChanged, type WalletExpiryInput } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { record } from './proxies.ts'
import { upgrading } from './versioning.ts'

// It lives for as long as a lot can expire: each step is taken by the current release.
setWorkflowOptions(upgrading, walletExpiry)

/** Our clock and the database's may differ by a little: what is due by the one is asked of the other once more. */
const CLOCKS_DIFFER_MS = 1_000

/** Records the expiry of a wallet's lots, each in its time. Ends when none is left that can expire, and is started again with the
 *  next. Consuming never depends on it: what has expired is not spent, however late this is. */
export async function walletExpiry(input: WalletExpiryInput): Promise<void> {
  const { projectId, customerId } = input
  let hasChanged = true
  let until: number | undefined

  const clock = clockOf(projectId, input.clock)
  const desk = operatorDesk({
    projectId,
    subjectId: customerId,
    correlationId: customerId,
    newsHasCome: () => hasChanged,
    clock,
  })
  setHandler(walletChanged, () => {
    hasChanged = true
  })
  setHandler(state, () => ({
    status: 'watching' as const,
    waitingFor: until === undefined ? 'nothing' : 'the next lot to expire',
    ...(until !== undefined && { until: new Date(until).toISOString() }),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  while (hasChanged || until !== undefined) {
    const seen = await desk.attend('The expiry of credits could not be recorded.', () => {
      hasChanged = false
      return record.watchWallet({ projectId, customerId })
    })
    clock.set(seen?.clockNow)
    until = seen?.nextExpiry
    if (until === undefined) continue
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished)
      const carried = clock.input()
      await continueAsNew<typeof walletExpiry>({ ...input, ...(carried && { clock: carried }) })
    }
    showDetails(`The next credits of this wallet expire at ${describeTime(until)}.`)
    const wakeAt = until <= clock.now() ? clock.now() + CLOCKS_DIFFER_MS : until
    await clock.rest(wakeAt, () => hasChanged, 'Credits expire')
  }
  showDetails('No credits of this wallet can expire.')
  await condition(allHandlersFinished)
}
