import type { Stored } from '../store/collection.ts'
import { badParameter, noSuch } from './errors.ts'
import { integer, range, text, type TimeRange } from './parameters.ts'

/** The parameters that every list takes. */
export const paging = {
  limit: integer(1, 100),
  starting_after: text(),
  ending_before: text(),
}

export const pagingByTime = { ...paging, created: range() }

interface Paging {
  limit?: number | undefined
  starting_after?: string | undefined
  ending_before?: string | undefined
}

/** One page of objects, the newest first.
 *  @param objects in order of creation, already filtered */
export function pageOf<T extends Stored>(
  objects: readonly T[],
  { limit = 10, starting_after, ending_before }: Paging,
  url: string,
): { object: 'list'; data: T[]; has_more: boolean; url: string } {
  if (starting_after !== undefined && ending_before !== undefined)
    throw badParameter('You cannot use both `starting_after` and `ending_before` at the same time.')
  const newestFirst = objects.toReversed()
  const cursor = starting_after ?? ending_before
  const at = cursor === undefined ? -1 : newestFirst.findIndex(({ id }) => id === cursor)
  if (cursor !== undefined && at < 0)
    throw noSuch('object', cursor, starting_after === undefined ? 'ending_before' : 'starting_after')
  const from = ending_before === undefined ? at + 1 : Math.max(at - limit, 0)
  const to = ending_before === undefined ? from + limit : at
  return {
    object: 'list',
    data: newestFirst.slice(from, to),
    has_more: ending_before === undefined ? newestFirst.length > to : from > 0,
    url,
  }
}

export const within = (time: number, { gt, gte, lt, lte }: TimeRange = {}): boolean =>
  (gt === undefined || time > gt) &&
  (gte === undefined || time >= gte) &&
  (lt === undefined || time < lt) &&
  (lte === undefined || time <= lte)
