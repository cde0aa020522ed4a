/** Postgres does not read the years before 1 and after 9999 as JavaScript writes them, and Temporal counts the deadlines of
 *  timers in nanoseconds, which end in 2262. Times in milliseconds since 1970. */

const END = Date.UTC(2200, 0, 1)

/** In words, to go on with after "a time". */
export const TIMES_IN_REACH = 'from 1970 to 2199'

/** Whether a time that somebody names can be stored and waited for. Not, when it is not a number. */
export const isInReach = (at: number): boolean => at >= 0 && at < END
