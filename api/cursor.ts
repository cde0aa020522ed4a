import { BillingError } from '../domain/errors.ts'
import { type Id, type IdPrefix, isId } from '../domain/ids.ts'

/** Where a page ended: the place of its last row, in a form that callers hand back and do not read. */
export interface Place<P extends IdPrefix> {
  createdAt: Date
  id: Id<P>
}

export function writeCursor<P extends IdPrefix>({ createdAt, id }: Place<P>): string {
  return Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url')
}

/** @throws BillingError `invalid_request` for anything that we did not write. */
export function readCursor<P extends IdPrefix>(prefix: P, cursor: string | undefined): Place<P> | undefined {
  if (cursor === undefined) return undefined
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split(' ')
  if (/^\d{1,14}$/.test(time) && isId(prefix, id)) return { createdAt: new Date(Number(time)), id }
  throw notOurs()
}

/** Of a list whose rows are numbered. */
export const writeNumberCursor = (number: number): string => Buffer.from(`${number}`).toString('base64url')

/** @throws BillingError `invalid_request` for anything that we did not write. */
export function readNumberCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  const number = Buffer.from(cursor, 'base64url').toString()
  if (/^[1-9]\d{0,8}$/.test(number)) return Number(number)
  throw notOurs()
}

function notOurs(): BillingError {
  const message = 'cursor must be the next_cursor of an earlier page; leave it out for the first page.'
  return new BillingError('invalid_request', { fields: [{ path: 'cursor', message }] })
}

/** One page out of rows that were asked for with one more than the limit. */
export function pageOf<P extends IdPrefix, Row, Shown>(
  rows: Row[],
  limit: number,
  placeOf: (row: Row) => Place<P>,
  show: (row: Row) => Shown,
): { data: Shown[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    data: shown.map(show),
    next_cursor: rows.length > limit && last !== undefined ? writeCursor(placeOf(last)) : null,
  }
}
