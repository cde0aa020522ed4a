/** A time of its own for the customers that hang on it. */
export interface TestClock {
  id: string
  object: 'test_helpers.test_clock'
  frozen_time: number
}
