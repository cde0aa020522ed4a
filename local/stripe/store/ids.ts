import { randomFillSync } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

// Asking the system for a few bytes costs as much as asking for many.
const pool = Buffer.alloc(4096)
let used = pool.length

/** Random letters and digits. A byte modulo 62 favours some letters a little, which an id may. */
export function randomText(length: number): string {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  let text = ''
  for (const byte of pool.subarray(used, used + length)) text += alphabet.charAt(byte % alphabet.length)
  used += length
  return text
}

/** Ids look like Stripe's: 14 characters for customers, products and subscription items, 24 for most others. */
export function newId(prefix: string): string {
  const short = prefix === 'cus' || prefix === 'prod' || prefix === 'si' || prefix === 'req'
  return `${prefix}_${short ? randomText(14) : `1${randomText(23)}`}`
}

/** The secret that a browser would use; it begins with the id of the intent, as Stripe's does. */
export const clientSecretOf = (id: string): string => `${id}_secret_${randomText(25)}`
