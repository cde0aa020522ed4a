import type { Account } from '../account.ts'
import { intervalsAfter } from '../calendar.ts'
import { invalidRequest, StripeError } from '../http/errors.ts'
import { newTestClock, type TestClock } from '../objects/test-clock.ts'
import { removeCustomer } from './customers.ts'

export const advanceClockJob = 'advance_test_clock'
export const deleteClockJob = 'delete_test_clock'

/** How long a clock may keep everybody else waiting before it lets other calls be answered. */
const sliceMilliseconds = 20

export function createClock(account: Account, frozenTime: number, name: string | undefined): TestClock {
  const clock = account.testClocks.insert(newTestClock({ now: account.now(), frozenTime, name }))
  account.agenda.plan(deleteClockJob, clock.id, clock.deletes_after)
  account.emit('test_helpers.test_clock.created', clock)
  return clock
}

/** Sets a clock going. What falls due on the way happens afterwards, in order of time.
 *  @throws StripeError for a time that lies behind, or too far ahead. */
export function startAdvancing(account: Account, clock: TestClock, to: number): void {
  refuseWhileAdvancing(clock)
  if (to <= clock.frozen_time)
    throw invalidRequest('The `frozen_time` must be after the current frozen time of the test clock.', {
      param: 'frozen_time',
    })
  if (to > furthest(account, clock))
    throw invalidRequest(
      'The `frozen_time` cannot be more than two intervals in the future from the shortest subscription in this test clock, nor more than two years where it has no subscriptions.',
      { param: 'frozen_time' },
    )
  const previous = account.testClocks.change(clock, {
    status: 'advancing',
    status_details: { advancing: { target_frozen_time: to } },
    hidden: { startedAt: Date.now() },
  })
  account.emit('test_helpers.test_clock.advancing', clock, previous)
  account.agenda.plan(advanceClockJob, clock.id, account.now())
}

/** Two intervals of the shortest subscription; two years without any
 *  (https://docs.stripe.com/api/test_clocks/advance). */
function furthest(account: Account, { id, frozen_time }: TestClock): number {
  const ends = account.subscriptions
    .where('test_clock', id)
    .filter(({ status }) => status !== 'canceled' && status !== 'incomplete_expired')
    .flatMap((subscription) => account.subscriptionItems.where('subscription', subscription.id))
    .map(({ price }) => account.prices.must(price).recurring)
    .map((recurring) => (recurring ? intervalsAfter(frozen_time, recurring, 2) : Infinity))
  return ends.length === 0
    ? intervalsAfter(frozen_time, { interval: 'year', interval_count: 1 }, 2)
    : Math.min(...ends)
}

/** Lets happen what is due on a clock, each at its own time, until the clock is where it was sent. A long way is gone in
 *  slices, each complete in itself: in between other calls are answered, and a restart goes on from there. */
export function advanceClock(account: Account, id: string): void {
  const clock = account.testClocks.get(id)
  const target = clock?.status_details.advancing?.target_frozen_time
  if (!clock || target === undefined) return
  const started = performance.now()
  try {
    for (
      let at = account.agenda.nextOn(id);
      at !== undefined && at <= target;
      at = account.agenda.nextOn(id)
    ) {
      if (performance.now() - started > sliceMilliseconds)
        return account.agenda.plan(advanceClockJob, id, account.now())
      // What was planned for a time already gone, such as a deadline that passed meanwhile, happens now.
      account.testClocks.change(clock, { frozen_time: Math.max(at, clock.frozen_time) })
      account.agenda.runNextOn(id)
    }
  } catch (error) {
    console.error('The local Stripe failed while advancing', id, error)
    account.testClocks.change(clock, { status: 'internal_failure', status_details: {} })
    account.emit('test_helpers.test_clock.internal_failure', clock, { status: 'advancing' })
    return
  }
  const readyAt = clock.hidden.startedAt + account.settings.test_clock_advance_ms
  if (Date.now() < readyAt) return account.agenda.plan(advanceClockJob, id, readyAt / 1000)
  const previous = account.testClocks.change(clock, {
    frozen_time: target,
    status: 'ready',
    status_details: {},
  })
  account.emit('test_helpers.test_clock.ready', clock, previous)
}

/** Deletes a clock with all its customers, which cancels what they subscribe to. */
export function deleteClock(account: Account, clock: TestClock): void {
  refuseWhileAdvancing(clock)
  for (const customer of account.customers.where('test_clock', clock.id)) removeCustomer(account, customer)
  account.agenda.forget(clock.id)
  account.agenda.cancel(deleteClockJob, clock.id)
  account.testClocks.remove(clock)
  account.emit('test_helpers.test_clock.deleted', clock)
}

/** While a clock advances nothing that hangs on it can be changed; Stripe answers 429, and asks to come again. */
export function refuseWhileAdvancing(clock: TestClock | undefined): void {
  if (clock?.status !== 'advancing') return
  throw new StripeError(
    429,
    {
      type: 'invalid_request_error',
      message: `Test clock advancement underway - cannot perform modifications: ${clock.id}`,
    },
    false,
  )
}
