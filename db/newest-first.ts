import { type Column, desc, type SQL, sql } from 'drizzle-orm'

/** Lists that show the newest first. A page begins where the one before it has ended, and not after a number of rows: so what
 *  is added meanwhile shifts nothing. */

export interface NewestFirstPage {
  limit: number
  /** The last row of the page before. */
  before: { createdAt: Date; id: string } | undefined
}

export const newestFirst = (createdAt: Column, id: Column): SQL[] => [desc(createdAt), desc(id)]

/** What comes after a place in that order; everything where there is none. */
export function olderThan(place: NewestFirstPage['before'], createdAt: Column, id: Column): SQL | undefined {
  return place && sql`(${createdAt}, ${id}) < (${place.createdAt.toISOString()}::timestamptz, ${place.id})`
}
