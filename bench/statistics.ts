/** The few statistics that the figures need. */

/** The smallest value that at least this share of all values does not exceed (the nearest rank), so it was really measured.
 *  @param share above 0, at most 1: 0.95 for the 95th percentile
 *  @throws RangeError when there is nothing to choose from */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`${share} is no share above 0 and up to 1`)
  const value = values.toSorted((one, other) => one - other)[Math.ceil(share * values.length) - 1]
  if (value === undefined) throw new RangeError('nothing was measured')
  return value
}

/** The middle of what several rounds measured, and how far apart they were. */
export interface Spread {
  median: number
  least: number
  most: number
}

export function spreadOf(values: readonly number[]): Spread {
  const below = percentile(values, 0.5)
  // The median of an even number of values lies between the two in the middle.
  const above = percentile(values, Math.min(1, (Math.floor(values.length / 2) + 1) / values.length))
  return { median: (below + above) / 2, least: Math.min(...values), most: Math.max(...values) }
}
