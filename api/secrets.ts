import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

/** Keys of callers, and what is derived from them. */

export type KeyPrefix = 'qk_test_' | 'qk_live_' | 'qk_operator_'

const KEY_BYTES = 24

/** What is stored of a key. Keys are long and random, so that a plain hash cannot be guessed backwards. */
export const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Compares without telling by its duration how much of the text was right. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(hashKey(given), hashKey(expected))
}

/** Makes a new key out of the seed of a request and the key of whoever asks. A request that is repeated after a crash
 *  makes the same key again, although the database, which knows only the seed, could not. */
export function deriveKey(prefix: KeyPrefix, from: { seed: Buffer; bearer: string }): string {
  const secret = Buffer.from(hkdfSync('sha256', from.bearer, from.seed, `quittance ${prefix}`, KEY_BYTES))
  return `${prefix}${secret.toString('hex')}`
}

const IV_BYTES = 12
const TAG_BYTES = 16

export interface SealContext {
  bearer: string
  idempotencyKey: string
  /** Must be the same when the answer is opened. */
  requestHash: Buffer
}

/** Encrypts an answer (AES-256-GCM) so that only the same caller with the same idempotency key can have it opened. */
export function sealAnswer(answer: string, context: SealContext): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(context), iv)
  cipher.setAAD(context.requestHash)
  const sealed = Buffer.concat([cipher.update(answer, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), sealed])
}

/** @returns `undefined` when the answer was sealed under another key of the caller. */
export function openAnswer(sealed: Buffer, context: SealContext): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(context), sealed.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(context.requestHash)
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
  try {
    return decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined // The tag does not match: another key sealed it.
  }
}

const sealingKey = ({ bearer, idempotencyKey }: SealContext): Buffer =>
  Buffer.from(hkdfSync('sha256', bearer, hashKey(idempotencyKey), 'quittance answer', 32))
