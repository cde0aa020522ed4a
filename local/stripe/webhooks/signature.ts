import { createHmac } from 'node:crypto'

/** The header by which a receiver knows that the body is Stripe's: the time and an HMAC over time and body. */
export function signatureHeader(body: string, secret: string, now: number): string {
  const signature = createHmac('sha256', secret).update(`${now}.${body}`).digest('hex')
  return `t=${now},v1=${signature}`
}
