import { z } from '@hono/zod-openapi'
import { externalNamePattern, type Id, type IdPrefix, isId, patternOfId } from '../../domain/ids.ts'
import {
  amountStepOf,
  type Currency,
  currencyCodes,
  isCurrency,
  MAX_AMOUNT_MINOR,
} from '../../domain/money.ts'
import { isInReach } from '../../domain/times.ts'

/** Fields that several endpoints take. Each rule is worded so that it can follow the field's name: "plan_id must be …". */

/** One sentence for every way a field can be wrong, and for its absence. */
export const must = (rule: string) => ({
  error: ({ input }: { input?: unknown }) => (input === undefined ? `is required: it ${rule}` : rule),
})

const nameRule = (whose: string) =>
  must(`must be 1 to 128 letters, digits, ".", "_", ":" or "-"; use ${whose}.`)

const externalName = (whose: string) => z.string(nameRule(whose)).regex(externalNamePattern, nameRule(whose))

const userRule =
  'must not look like a subscription\'s id ("sbs_…"), or it could not be told from one; prefix it.'

/** The payer, by the project's own name for him. */
export const userId = externalName("your own id of the user, never an email address or a person's name")
  .refine((text) => !isId('sbs', text), { error: userRule })
  .openapi({ example: 'user_42' })

/** An id of ours that a body or a query names. What a path names is looked for as it is, and is not there. */
export const ourId = <P extends IdPrefix>(prefix: P, rule: ReturnType<typeof must>) =>
  z
    .string(rule)
    .refine((text): text is Id<P> => isId(prefix, text), rule)
    .openapi({ pattern: patternOfId(prefix), example: `${prefix}_01arz3ndektsv4rrffq69g5fav` })

/** An id of the project's own, of something that is done once for it. */
export const externalId = (whose: string) => externalName(whose)

export const planId = externalName('the id of a plan of this project').openapi({ example: 'pro' })
export const productId = externalName('the id of a product of this project').openapi({ example: 'ebook' })
export const roleName = externalName('the name of a role as your services know it').openapi({
  example: 'editor',
})

const currencyRule = must(
  'must be the lower-case ISO 4217 code of a currency that Stripe charges, such as "usd" or "brl".',
)
export const currencyCode = z
  .string(currencyRule)
  .refine((text): text is Currency => isCurrency(text), currencyRule)
  .openapi({ enum: [...currencyCodes], example: 'usd' })

export const amountFrom = (min: 0 | 1) => {
  const rule = must(
    `must be a whole number of minor units from ${min} to ${MAX_AMOUNT_MINOR} (USD 10.50 is 1050, JPY 500 is 500).`,
  )
  return z.int(rule).min(min, rule).max(MAX_AMOUNT_MINOR, rule).openapi({ example: 9900 })
}

/** What an amount breaks of its currency's rules, if anything. */
export function amountFlaw(amount: number, currency: Currency): string | undefined {
  const step = amountStepOf(currency)
  if (amount % step === 0) return undefined
  return `must be a multiple of ${step}: the smallest amount that Stripe charges in ${currency} is ${step} minor units.`
}

const text = (maxLength: number, example: string) => {
  const rule = must(`must be a text of 1 to ${maxLength} characters that is not blank.`)
  return z.string(rule).max(maxLength, rule).regex(/\S/, rule).openapi({ example })
}
/** 250 is what Stripe shows of a product's name. */
export const displayName = (example: string) => text(250, example)

const emailRule = must(
  'must be an email address such as "ana@example.com", of at most 254 characters; or leave it out.',
)
export const email = z
  .string(emailRule)
  .max(254, emailRule)
  .regex(z.regexes.email, emailRule)
  .openapi({ example: 'ana@example.com' })

const urlRule = must(
  'must be an absolute https: URL (http: only for localhost) of at most 2048 characters without spaces or credentials; it may contain {CHECKOUT_SESSION_ID}.',
)
export const returnUrl = z
  .string(urlRule)
  .max(2048, urlRule)
  .regex(/^https?:\/\/\S+$/, urlRule)
  .refine(isReturnUrl, urlRule)
  .openapi({ example: 'https://shop.example/thanks?session={CHECKOUT_SESSION_ID}' })

function isReturnUrl(text: string): boolean {
  // A URL parser drops some of these silently, and Stripe would be sent the text as it is.
  if (/\p{Cc}/u.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '' || hostname === '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

const isLoopback = (hostname: string) =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)

/** For the document: how many entries an object may have, and under what names. */
export function entries(max: number, names: RegExp) {
  return { maxProperties: max, propertyNames: { pattern: names.source } }
}

const MAX_METADATA = 50
const metadataKeyPattern = /^(?!quittance_)[\s\S]{1,40}$/u
const metadataRule = must(
  'must be an object of at most 50 texts, each of at most 500 characters, under keys of 1 to 40 characters that do not start with "quittance_".',
)
export const metadata = z
  .record(z.string(), z.string(metadataRule).max(500, metadataRule), metadataRule)
  .refine((fields) => {
    const keys = Object.keys(fields)
    return keys.length <= MAX_METADATA && keys.every((key) => metadataKeyPattern.test(key))
  }, metadataRule)
  .openapi({ ...entries(MAX_METADATA, metadataKeyPattern), example: { order: 'A-1001' } })

const quantityRule = must('must be a whole number from 1 to 10000; leave it out for 1.')
export const quantity = z
  .int(quantityRule)
  .min(1, quantityRule)
  .max(10_000, quantityRule)
  .openapi({ example: 1 })

const limitRule = must('must be a whole number from 1 to 100; leave it out for 20.')
/** The paging of every list. */
export const paging = {
  limit: z
    .string(limitRule)
    .regex(/^([1-9]|[1-9]\d|100)$/, limitRule)
    .transform(Number)
    .optional()
    .openapi({ type: 'integer', minimum: 1, maximum: 100, example: 20 }),
  cursor: z
    .string(must('must be the next_cursor of an earlier page.'))
    .max(200, must('must be the next_cursor of an earlier page.'))
    .optional()
    .openapi({ description: 'The `next_cursor` of the page before.' }),
}
export const DEFAULT_LIMIT = 20

/** A time that a body or a query names, if it can be stored and waited for. An offset can carry it out of its own year. */
export const time = (rule: ReturnType<typeof must>) =>
  z.iso
    .datetime({ offset: true, ...rule })
    .refine((text) => isInReach(Date.parse(text)), rule)
    .openapi({ example: '2027-01-31T12:00:00Z' })

/** Times as they are answered. */
export const timestamp = z.string().openapi({ format: 'date-time', example: '2026-01-31T12:00:00.000Z' })

export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() })
