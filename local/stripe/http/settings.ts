import { defaultSettings, type Settings } from '../objects/settings.ts'
import { badParameter } from './errors.ts'

/** Reads `POST /_local/settings`: what is to be otherwise.
 *  @throws StripeError 400 naming what is wrong. */
export function readSettings(given: Record<string, unknown>): Partial<Settings> {
  const settings: Partial<Settings> = {}
  for (const [name, value] of Object.entries(given))
    switch (name) {
      case 'retry_days':
        settings.retry_days = daysOf(value)
        break
      case 'after_last_retry':
        settings.after_last_retry = endOf(value)
        break
      case 'test_clock_advance_ms':
        settings[name] = countOf(value, name, 0)
        break
      case 'upcoming_invoice_days':
      case 'customers_per_test_clock':
        settings[name] = countOf(value, name, 1)
        break
      default:
        throw badParameter(`There is no setting ${name}, only ${names.join(', ')}.`, { param: name })
    }
  return settings
}

const names = Object.keys(defaultSettings)

function daysOf(value: unknown): number[] {
  const days: unknown[] = Array.isArray(value) ? value : [undefined]
  const numbers = days.filter((day): day is number => typeof day === 'number' && day > 0 && day <= 60)
  const rises = numbers.every((day, index) => index === 0 || day > (numbers[index - 1] ?? 0))
  if (numbers.length !== days.length || !rises)
    throw badParameter('retry_days must be a list of rising days from 1 to 60, or empty.', {
      param: 'retry_days',
    })
  return numbers
}

function endOf(value: unknown): Settings['after_last_retry'] {
  if (value === 'cancel' || value === 'unpaid' || value === 'past_due') return value
  throw badParameter('after_last_retry must be cancel, unpaid or past_due.', { param: 'after_last_retry' })
}

function countOf(value: unknown, param: string, least: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw badParameter(`${param} must be a whole number, at least ${least}.`, { param })
}
