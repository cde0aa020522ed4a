import type { ShownEvent } from './events.ts'
import { describeDay, describeMoney, describeTime } from './words.ts'

/** What an event says, on one line. */
export function describeEvent({ type, time, data }: ShownEvent): string {
  return `${describeTime(time)}  ${type.padEnd(29)} ${essenceOf(type, data)}`.trimEnd()
}

/** What matters about it here; its whole payload is described in `events/`. */
function essenceOf(type: string, data: Record<string, unknown>): string {
  const [subject = ''] = type.split('.')
  switch (subject) {
    case 'payment':
      return `${moneyOf(data)} for ${String(data.plan_id)}`
    case 'subscription':
      return [
        data.amount === undefined ? '' : `${moneyOf(data)}, `,
        `${String(data.plan_id)} is ${String(data.status)}, `,
        data.has_access === true ? 'with access' : 'no access',
      ].join('')
    case 'dunning':
      if (typeof data.retry_at === 'string')
        return `retry ${String(data.retry)} of ${String(data.retries)} on ${describeDay(data.retry_at)}`
      return wordOf(data.decline_code ?? data.on_exhausted)
    case 'refund':
      return `${moneyOf(data)} ${String(data.status)}`
    case 'entitlement':
      return `${String(data.role)}; holds now: ${listOf(data.roles)}`
    case 'alert':
      return `${moneyOf(data)} unpaid, ${wordOf(data.decline_code)}`
    case 'notice':
      return 'the customer gets a mail'
    default:
      return ''
  }
}

const moneyOf = ({ amount, currency }: Record<string, unknown>): string =>
  typeof amount === 'number' && typeof currency === 'string' ? describeMoney(amount, currency) : ''

const wordOf = (code: unknown): string =>
  typeof code === 'string' ? code.replaceAll('_', ' ') : 'no reason given'

const listOf = (roles: unknown): string =>
  Array.isArray(roles) && roles.length > 0 ? roles.join(', ') : 'no role'
