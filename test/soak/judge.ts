/** Whether a series that was sampled under a steady load stays where it is. */

export interface Point {
  at_s: number
  value: number
}

/** How much of its median a level may gain over the half that is judged. */
export const LEVEL_GROWTH_AT_MOST = 0.1
/** Fewer points than these in that half tell noise from growth no longer. */
const POINTS_AT_LEAST = 20
/** A queue that is this much longer in the last third than in the middle one grows, beyond what a few more make. */
const QUEUE_GROWTH_AT_MOST = 0.5
const FEW = 5

export interface LevelVerdict {
  verdict: 'flat' | 'grows' | 'too short'
  /** Over the second half: what is typical, and what the slope adds to it. */
  median: number
  growth: number
  perHour: number
}

export interface QueueVerdict {
  verdict: 'steady' | 'grows'
  /** The medians of the middle third and of the last one. */
  middle: number
  last: number
}

/** Judges what has a level: memory, connections, open files. The first half is left out, in which caches fill and the heap
 *  finds its size; over the second, the slope times the duration is set against the median. The slope is that of Theil and
 *  Sen, which single spikes cannot turn. A few slow teeth of a saw could, so the least of the last third must lie higher than
 *  that of the first as well. */
export function judgeLevel(points: readonly Point[]): LevelVerdict {
  const judged = points.slice(Math.floor(points.length / 2))
  const duration_s = (judged.at(-1)?.at_s ?? 0) - (judged[0]?.at_s ?? 0)
  const median = medianOf(valuesOf(judged))
  const perSecond = slopeOf(judged)
  const growth = perSecond * duration_s
  const [first, , last] = thirdsOf(judged)
  // From the middle of the first third to that of the last it is two thirds of the way.
  const growthOfFloor = (Math.min(...valuesOf(last)) - Math.min(...valuesOf(first))) * 1.5
  const grows = Math.min(growth, growthOfFloor) > LEVEL_GROWTH_AT_MOST * median
  const verdict = judged.length < POINTS_AT_LEAST ? 'too short' : grows ? 'grows' : 'flat'
  return { verdict, median, growth, perHour: perSecond * 3_600 }
}

/** Judges what is empty when nothing is to be done: medians of thirds, because a queue comes and goes. */
export function judgeQueue(points: readonly Point[]): QueueVerdict {
  const [, second, third] = thirdsOf(points)
  const middle = medianOf(valuesOf(second))
  const last = medianOf(valuesOf(third))
  const grows = last > middle * (1 + QUEUE_GROWTH_AT_MOST) + FEW
  return { verdict: grows ? 'grows' : 'steady', middle, last }
}

/** The least of each so many points: of a heap, what garbage collection leaves. */
export function floorOf(points: readonly Point[], count: number): Point[] {
  const floors: Point[] = []
  for (let from = 0; from + count <= points.length; from += count) {
    const [first, ...others] = points.slice(from, from + count)
    if (first) floors.push(others.reduce((least, one) => (one.value < least.value ? one : least), first))
  }
  return floors
}

/** The median of the slopes between all pairs of points, per second. */
export function slopeOf(points: readonly Point[]): number {
  const slopes = points.flatMap((one, index) =>
    points
      .slice(index + 1)
      .filter((other) => other.at_s > one.at_s)
      .map((other) => (other.value - one.value) / (other.at_s - one.at_s)),
  )
  return medianOf(slopes)
}

/** Nothing has the median 0. */
export function medianOf(values: readonly number[]): number {
  const inOrder = values.toSorted((one, other) => one - other)
  const above = inOrder[Math.floor(inOrder.length / 2)] ?? 0
  const below = inOrder[Math.ceil(inOrder.length / 2) - 1] ?? 0
  return (below + above) / 2
}

function thirdsOf(points: readonly Point[]): [Point[], Point[], Point[]] {
  const size = Math.ceil(points.length / 3)
  return [points.slice(0, size), points.slice(size, 2 * size), points.slice(2 * size)]
}

const valuesOf = (points: readonly Point[]) => points.map(({ value }) => value)
