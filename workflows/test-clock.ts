import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow'
import { describeTime, now } from './clock.ts'
import { showDetails } from './details.ts'
import { advanceTestClock, state, type TestClockInput, testClockOpened } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { playTestClock, record, stripe } from './proxies.ts'
import { pinned } from './versioning.ts'

// Short: it ends with the release that began it.
setWorkflowOptions(pinned, testClock)

/** Moves a test clock: Stripe's first, then every workflow on it, deadline by deadline. Ends when the clock is at rest, and is
 *  started again by whoever moves it next. */
export async function testClock(input: TestClockInput): Promise<void> {
  const { projectId, clockId } = input
  let frozenTime: number | undefined
  let targetTime: number | undefined
  const desk = operatorDesk({ projectId, subjectId: clockId, correlationId: clockId })
  const isAdvancing = () => targetTime !== undefined
  setHandler(testClockOpened, () => condition(() => frozenTime !== undefined))
  setHandler(
    advanceTestClock,
    async ({ targetTime: target }) => {
      await condition(() => frozenTime !== undefined)
      refuseAdvance(target)
      if (target === (targetTime ?? frozenTime)) return
      targetTime = target
      await record.setTestClock({ projectId, clockId, targetTime: target, status: 'advancing' })
    },
    { validator: ({ targetTime: target }) => refuseAdvance(target) },
  )
  setHandler(state, () => ({
    status: isAdvancing() ? ('advancing' as const) : ('ready' as const),
    waitingFor: isAdvancing() ? 'Stripe and the workflows on the clock' : 'nothing',
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  const opened = await desk.attend('Stripe did not make the test clock.', () =>
    stripe.openTestClock({ projectId, clockId }),
  )
  if (!opened) return
  frozenTime = opened.frozenTime
  // A run that was ended on the way is taken up where it was.
  if (opened.status === 'advancing') targetTime = opened.targetTime
  // Whoever started this run to move the clock is heard first.
  await condition(allHandlersFinished)

  const since = now()
  while (targetTime !== undefined) {
    const target = targetTime
    showDetails(`Moving from ${describeTime(frozenTime)} to ${describeTime(target)}.`)
    const played = await desk.attend('The clock could not be moved.', () =>
      playTestClock({ projectId, clockId, targetTime: target, since }),
    )
    if (played) frozenTime = played.frozenTime
    if (!played || played.settled) {
      await record.setTestClock({ projectId, clockId, status: 'ready' })
      targetTime = undefined
      await condition(allHandlersFinished)
    } else if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof testClock>(input)
    }
  }
  showDetails(`It is ${describeTime(frozenTime)} on the clock.`)
  await condition(allHandlersFinished)

  // The time it shows or is on its way to is no refusal: whoever lost the answer asks again.
  function refuseAdvance(target: number): void {
    if (target === (targetTime ?? frozenTime)) return
    if (isAdvancing())
      throw ApplicationFailure.nonRetryable(
        'The clock is advancing. Wait until it is ready.',
        'test_clock_advancing',
      )
    if (frozenTime !== undefined && target < frozenTime)
      throw ApplicationFailure.nonRetryable('A test clock moves forward only.', 'test_clock_backwards')
  }
}
