import type { Clock } from './clock.ts'
import type { StripeChanged } from './messages.ts'

/** How many event ids are remembered: far more than one object gets within the days Stripe repeats events. */
const REMEMBERED = 200

/** Waiting for a hint or a deadline, whichever is first. A hint that comes while the workflow reads or records is kept for
 *  the next wait, so that none is lost between two looks. */
export function wakeable(clock: Clock, seenEventIds: string[] = []) {
  const seen = new Set(seenEventIds)
  let woken = false
  let eventId: string | undefined
  const invoices = new Set<string>()
  return {
    /** Handles `stripeChanged`: an event delivered twice wakes once. */
    on: (hint: StripeChanged): void => {
      if (seen.has(hint.eventId)) return
      seen.add(hint.eventId)
      eventId = hint.eventId
      if (hint.objectId.startsWith('in_')) invoices.add(hint.objectId)
      woken = true
    },
    /** Something of ours has changed. */
    nudge: (): void => {
      woken = true
    },
    /** Whether a hint has come that no look has followed yet. */
    pending: (): boolean => woken,
    /** To be called before each look: what is read from here on answers every hint so far.
     *  @returns the last event that led to it. */
    answer: (): string | undefined => {
      woken = false
      const answered = eventId
      eventId = undefined
      return answered
    },
    /** The invoices that hints were about since this was asked last. */
    hintedInvoices: (): string[] => {
      const hinted = [...invoices]
      invoices.clear()
      return hinted
    },
    /** Waits until a hint, something else that wants attention, or the deadline (milliseconds since 1970). The summary is
     *  what operators read at its timer. */
    until: (deadline: number, summary: string, isCalled: () => boolean = () => false): Promise<void> =>
      clock.rest(deadline, () => woken || isCalled(), summary),
    /** Carried over continue-as-new. */
    seenEventIds: (): string[] => [...seen].slice(-REMEMBERED),
  }
}
