/** Branded ids: `pay_01hx…`. An id is made only by its parser or from 16 bytes, so a wrong one cannot travel far. */

export type IdPrefix =
  'prj' | 'key' | 'op' | 'cst' | 'pay' | 'sbs' | 'rfd' | 'dsp' | 'clk' | 'wtx' | 'ev' | 'le' | 'rec'

declare const brand: unique symbol
export type Id<P extends IdPrefix> = `${P}_${string}` & { readonly [brand]: P }

export type ProjectId = Id<'prj'>
export type KeyId = Id<'key'>
export type OperatorId = Id<'op'>
export type CustomerId = Id<'cst'>
export type PaymentId = Id<'pay'>
export type SubscriptionId = Id<'sbs'>
export type RefundId = Id<'rfd'>
export type DisputeId = Id<'dsp'>
export type ClockId = Id<'clk'>
export type EventId = Id<'ev'>
export type WalletTransactionId = Id<'wtx'>
export type LedgerEntryId = Id<'le'>

/** Crockford's base 32: no letter that reads like a digit, one case, safe in URLs and file names. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const BODY_LENGTH = 26
const bodyPattern = `[0-9a-hjkmnp-tv-z]{${BODY_LENGTH}}`
const wholeBody = new RegExp(`^${bodyPattern}$`)

/** Writes 16 bytes (random, or a hash of what the id stands for) as an id of 26 characters after its prefix. */
export function idFromBytes<P extends IdPrefix>(prefix: P, bytes: Uint8Array): Id<P> {
  if (bytes.length < 16) throw new RangeError(`an id needs 16 bytes, got ${bytes.length}`)
  let rest = 0n
  for (const byte of bytes.subarray(0, 16)) rest = (rest << 8n) | BigInt(byte)
  let body = ''
  for (let position = 0; position < BODY_LENGTH; position += 1) {
    body = alphabet.charAt(Number(rest & 31n)) + body
    rest >>= 5n
  }
  return `${prefix}_${body}` as Id<P>
}

/** Tells whether a text is an id of this kind; nothing else makes one out of a caller's text. */
export function isId<P extends IdPrefix>(prefix: P, text: string): text is Id<P> {
  return text.startsWith(`${prefix}_`) && wholeBody.test(text.slice(prefix.length + 1))
}

/** What `isId` takes, for those who read it as a pattern. */
export const patternOfId = (prefix: IdPrefix): string => `^${prefix}_${bodyPattern}$`

/** @throws TypeError when the text is not an id of this kind (a defect of ours, never a caller's input). */
export function parseId<P extends IdPrefix>(prefix: P, text: string): Id<P> {
  if (!isId(prefix, text)) throw new TypeError(`${JSON.stringify(text)} is not a ${prefix}_ id`)
  return text
}

/** What a project may use as its own name of a user, a plan or a product. */
export const externalNamePattern = /^[A-Za-z0-9._:-]{1,128}$/
