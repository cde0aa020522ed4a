import {
  allHandlersFinished,
  condition,
  continueAsNew,
  currentUpdateInfo,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow'
import { nextLook } from '../domain/checkout.ts'
import { describeTime, now, temporalClock } from './clock.ts'
import { showDetails } from './details.ts'
import {
  changePaymentMethod,
  openSetupPage,
  type PaymentMethodInput,
  state,
  stripeChanged,
} from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { stripe } from './proxies.ts'
import { pinned } from './versioning.ts'

// Short: a page is open for a day, and then it ends with the release that began it.
setWorkflowOptions(pinned, paymentMethod)

/** The cards of one customer: does what is asked, one thing after the other, and waits for the pages on which the customer
 *  saves a card. Ends when none is open, and is started again by whoever asks next. */
export async function paymentMethod(input: PaymentMethodInput): Promise<void> {
  const { projectId, customerId } = input
  const subject = { projectId, customerId }
  /** When to look at each page that may be open. */
  const pages = new Map(input.pages)

  const clock = temporalClock()
  const inTurn = oneAfterTheOther()
  const desk = operatorDesk({
    projectId,
    subjectId: customerId,
    correlationId: customerId,
    newsHasCome: () => nextPage(pages)?.lookAt === AT_ONCE,
  })
  setHandler(stripeChanged, ({ objectId }) => {
    pages.set(objectId, AT_ONCE)
  })
  setHandler(openSetupPage, async (request) => {
    const changeId = currentUpdateInfo()?.id ?? ''
    const page = await inTurn(() => stripe.openSetupPage({ ...subject, ...request, changeId }))
    waitFor(page.sessionId, page)
    return { setupUrl: page.setupUrl }
  })
  setHandler(changePaymentMethod, (request) => {
    const changeId = currentUpdateInfo()?.id ?? ''
    return inTurn(() => stripe.changePaymentMethod({ ...subject, ...request, changeId }))
  })
  setHandler(state, () => {
    const page = nextPage(pages)
    return {
      status: page ? ('open' as const) : ('ready' as const),
      waitingFor: page ? 'the customer to save a card' : 'nothing',
      ...(page && { until: new Date(page.lookAt).toISOString() }),
      ...(desk.attention() && { attention: desk.attention() }),
    }
  })

  await condition(allHandlersFinished)
  for (let page = nextPage(pages); page; page = nextPage(pages)) {
    const { sessionId, lookAt } = page
    if (lookAt > now()) {
      showDetails(
        `Waiting for the customer to save a card. Looks at Stripe by itself at ${describeTime(lookAt)}.`,
      )
      await clock.rest(
        lookAt,
        () => (nextPage(pages)?.lookAt ?? lookAt) < lookAt,
        'Look whether a card was saved, unless woken',
      )
    } else {
      // A hint that comes while we look asks for another look.
      pages.delete(sessionId)
      const seen = await desk.attend('The card that was saved could not be made the one to charge.', () =>
        inTurn(() => stripe.followSetupPage({ ...subject, sessionId })),
      )
      if (seen?.isOpen && !pages.has(sessionId)) waitFor(sessionId, seen)
    }
    await condition(allHandlersFinished)
    if (workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof paymentMethod>({ ...input, pages: [...pages] })
  }
  showDetails('Nothing is waited for.')

  function waitFor(
    sessionId: string,
    { openedAt, expiresAt }: { openedAt: number; expiresAt: number },
  ): void {
    const lookAt = nextLook({ openedAt, expiresAt, now: now() })
    if (lookAt !== undefined) pages.set(sessionId, lookAt)
  }
}

/** Before every other time. */
const AT_ONCE = 0

function nextPage(pages: Map<string, number>): { sessionId: string; lookAt: number } | undefined {
  let next: { sessionId: string; lookAt: number } | undefined
  for (const [sessionId, lookAt] of pages) if (!next || lookAt < next.lookAt) next = { sessionId, lookAt }
  return next
}

/** What is asked for at once is done one after the other: of two cards that are removed at once, the second is the last. */
function oneAfterTheOther() {
  let last: Promise<unknown> = Promise.resolve()
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(work, work)
    last = mine
    return mine
  }
}
