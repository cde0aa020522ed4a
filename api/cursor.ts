import { BillingError } from '../domain/errors.ts'
import { type Id, type IdPrefix, isId } from '../domain/ids.ts'

/** Where a page ended: the place of its last row, in a form that callers hand back and do not read. */
export interface Place<P extends IdPrefix> {
  createdAt: Date
  id: Id<P>
}

export function writeCursor<P extends IdPrefix>({ createdAt, id }: Place<P>): string {
  return encode(`${createdAt.getTime()} ${id}`)
}

/** @throws BillingError `invalid_request` for anything that we did not write. */
export function readCursor<P extends IdPrefix>(prefix: P, cursor: string | undefined): Place<P> | undefined {
  if (cursor === undefined) return undefined
  const [time = '', id = ''] = decode(cursor).split(' ')
  if (/^\d{1,14}$/.test(time) && isId(prefix, id)) return { createdAt: new Date(Number(time)), id }
  throw notOurs()
}

/** Of a list whose rows are numbered. */
export const writeNumberCursor = (number: number): string => encode(`${number}`)

/** @throws BillingError `invalid_request` for anything that we did not write. */
export function readNumberCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  const number = decode(cursor)
  if (/^[1-9]\d{0,8}$/.test(number)) return Number(number)
  throw notOurs()
}

/** Of a list that is in the order of a text. */
export const writeTextCursor = (text: string): string => encode(text)

/** @throws BillingError `invalid_request` for anything that we did not write. */
export function readTextCursor(cursor: string | undefined): string | undefined {
  const text = cursor && decode(cursor)
  if (text === '' || text?.includes('\0')) throw notOurs()
  return text
}

/** Of a list in the order of time whose rows have names of another making than our ids. */
export const writeTimeCursor = ({ createdAt, id }: { createdAt: Date; id: string }): string =>
  encode(`${createdAt.getTime()} ${id}`)

/** @throws BillingError `invalid_request` for anything that we did not write. */
export function readTimeCursor(cursor: string | undefined): { createdAt: Date; id: string } | undefined {
  if (cursor === undefined) return undefined
  const [time = '', id = ''] = decode(cursor).split(' ')
  if (!/^\d{1,14}$/.test(time) || !/^[\w:.-]{1,100}$/.test(id)) throw notOurs()
  return { createdAt: new Date(Number(time)), id }
}

const encode = (text: string) => Buffer.from(text).toString('base64url')
const decode = (cursor: string) => Buffer.from(cursor, 'base64url').toString()

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
