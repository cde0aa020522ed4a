import { randomBytes } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Random letters and digits. A byte modulo 62 favours some letters a little, which an id may. */
export function randomText(length: number): string {
  let text = ''
  for (const byte of randomBytes(length)) text += alphabet.charAt(byte % alphabet.length)
  return text
}

/** Ids look like Stripe's: 14 characters for customers, products and subscription items, 24 for most others. */
export function newId(prefix: string): string {
  const short = prefix === 'cus' || prefix === 'prod' || prefix === 'si' || prefix === 'req'
  return `${prefix}_${short ? randomText(14) : `1${randomText(23)}`}`
}

/** The secret that a browser would use; it begins with the id of the intent, as Stripe's does. */
export const clientSecretOf = (id: string): string => `${id}_secret_${randomText(25)}`
