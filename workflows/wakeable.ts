import { condition } from '@temporalio/workflow'
import { now } from './clock.ts'
import type { StripeChanged } from './messages.ts'

/** How many event ids are remembered: far more than one object gets within the days Stripe repeats events. */
const REMEMBERED = 200

/** Waiting for a hint or a deadline, whichever is first. A hint that comes while the workflow reads or records is kept for
 *  the next wait, so that none is lost between two looks. */
export function wakeable(seenEventIds: string[] = []) {
  const seen = new Set(seenEventIds)
  let woken = false
  return {
    /** Handles `stripeChanged`: an event delivered twice wakes once. */
    on: ({ eventId }: StripeChanged): void => {
      if (seen.has(eventId)) return
      seen.add(eventId)
      woken = true
    },
    /** Whether a hint has come that no look has followed yet. */
    pending: (): boolean => woken,
    /** To be called before each look: what is read from here on answers every hint so far. */
    answer: (): void => {
      woken = false
    },
    /** Waits until a hint or the deadline (milliseconds since 1970). The summary is what operators read at its timer. */
    until: async (deadline: number, summary: string): Promise<void> => {
      const remaining = deadline - now()
      if (remaining > 0) await condition(() => woken, remaining, { summary })
    },
    /** Carried over continue-as-new. */
    seenEventIds: (): string[] => [...seen].slice(-REMEMBERED),
  }
}
