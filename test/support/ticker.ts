import type { Ticker } from '../../activities/dependencies.ts'

/** For tests in which nobody hangs on a test clock. */
export const noTicker: Ticker = {
  tick: () => Promise.reject(new Error('nobody hangs on a test clock here')),
}
