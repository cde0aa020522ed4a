import { newId } from '../store/ids.ts'

export type TestClock = ReturnType<typeof newTestClock>

const keptSeconds = 30 * 24 * 60 * 60

/** A time of its own for the customers that hang on it. It is itself created, and deleted, in real time. */
export function newTestClock(given: { now: number; frozenTime: number; name: string | undefined }) {
  return {
    id: newId('clock'),
    object: 'test_helpers.test_clock' as const,
    created: given.now,
    deletes_after: given.now + keptSeconds,
    frozen_time: given.frozenTime,
    livemode: false,
    name: given.name ?? null,
    status: 'ready' as 'ready' | 'advancing' | 'internal_failure',
    status_details: {} as { advancing?: { target_frozen_time: number } },
    hidden: {
      /** When it was last set going, in real milliseconds. */
      startedAt: 0,
    },
  }
}
