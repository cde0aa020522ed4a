import { z } from '@hono/zod-openapi'
import { MAX_CREDITS_MICRO_USD } from '../../domain/credits.ts'
import { dunningInput, dunningShown } from './dunning.ts'
import {
  amountFlaw,
  amountFrom,
  currencyCode,
  displayName,
  entries,
  must,
  page,
  planId,
  productId,
  returnUrl,
  roleName,
  timestamp,
} from './fields.ts'

const MAX_ITEMS = 200
/** Stripe's longest trial, two years: https://docs.stripe.com/api/subscriptions/create */
const MAX_TRIAL_DAYS = 730

const currencyInput = currencyCode
  .optional()
  .openapi({ description: "Left out: the project's own currency.", example: 'usd' })

const intervalRule = must('must be "day", "week", "month" or "year".')
const trialRule = must(
  `must be a whole number of days from 0 to ${MAX_TRIAL_DAYS}; leave it out for no trial.`,
)
const rolesRule = must('must be a list of at most 50 different role names.')
const MAX_LIMITS = 50
const limitNamePattern = /^[A-Za-z0-9._:-]{1,64}$/
const limitsRule = must(
  'must be an object of at most 50 limits, each a number, a text of at most 200 characters, or true or false, under names of 1 to 64 letters, digits, ".", "_", ":" or "-".',
)
const limitValue = z.union([z.number(), z.string(limitsRule).max(200, limitsRule), z.boolean()], limitsRule)

const planInput = z
  .strictObject(
    {
      id: planId,
      name: displayName('Pro'),
      amount: amountFrom(0).openapi({
        description: 'The price of one unit for one interval, in minor units.',
      }),
      currency: currencyInput,
      interval: z.enum(['day', 'week', 'month', 'year'], intervalRule).openapi({ example: 'month' }),
      trial_days: z.int(trialRule).min(0, trialRule).max(MAX_TRIAL_DAYS, trialRule).default(0),
      roles: z
        .array(roleName, rolesRule)
        .max(50, rolesRule)
        .refine(isWithoutDuplicates, rolesRule)
        .default([])
        .openapi({
          description: 'What the plan grants while it gives access.',
          uniqueItems: true,
          example: ['pro'],
        }),
      limits: z
        .record(z.string(), limitValue, limitsRule)
        .refine((limits) => {
          const names = Object.keys(limits)
          return names.length <= MAX_LIMITS && names.every((name) => limitNamePattern.test(name))
        }, limitsRule)
        .default({})
        .openapi({
          description: 'For your services to enforce.',
          ...entries(MAX_LIMITS, limitNamePattern),
          example: { seats: 5 },
        }),
      dunning: dunningInput
        .optional()
        .openapi({ description: "Left out: what holds for the project's other plans." }),
    },
    must('must be an object that describes a plan.'),
  )
  .openapi('NewPlan')

const creditsRule = must(
  `must be a whole number of micro-dollars from 1 to ${MAX_CREDITS_MICRO_USD} (1000000 is one US dollar of credits); leave it out for an ordinary product.`,
)
const productInput = z
  .strictObject(
    {
      id: productId,
      name: displayName('E-book'),
      amount: amountFrom(1).openapi({ description: 'The price of one, in minor units.' }),
      currency: currencyInput,
      credits: z
        .int(creditsRule)
        .min(1, creditsRule)
        .max(MAX_CREDITS_MICRO_USD, creditsRule)
        .optional()
        .openapi({ description: 'Micro-dollars of credits that one brings.' }),
    },
    must('must be an object that describes a product.'),
  )
  .openapi('NewProduct')

const listRule = (what: string) => must(`must be a list of at most ${MAX_ITEMS} ${what}.`)

export const projectInput = z
  .strictObject(
    {
      name: displayName('My shop'),
      currency: currencyCode,
      plans: z.array(planInput, listRule('plans')).max(MAX_ITEMS, listRule('plans')).default([]),
      products: z.array(productInput, listRule('products')).max(MAX_ITEMS, listRule('products')).default([]),
      dunning: dunningInput.optional(),
      success_url: returnUrl
        .optional()
        .openapi({ description: 'Where customers return to after paying, unless a payment says otherwise.' }),
      cancel_url: returnUrl.optional().openapi({
        description: 'Where customers return to without paying, unless a payment says otherwise.',
      }),
    },
    must('must be an object that describes a project.'),
  )
  .check((context) => {
    const { currency, plans, products } = context.value
    for (const [list, items] of Object.entries({ plans, products })) {
      const seen = new Set<string>()
      for (const [index, item] of items.entries()) {
        const add = (field: string, message: string) =>
          context.issues.push({ code: 'custom', input: item, path: [list, index, field], message })
        if (seen.has(item.id))
          add('id', `must be different from every other id in ${list}; rename one of the two.`)
        seen.add(item.id)
        const flaw = amountFlaw(item.amount, item.currency ?? currency)
        if (flaw) add('amount', flaw)
      }
    }
  })
  .openapi('NewProject')
export type ProjectInput = z.infer<typeof projectInput>

export const projectCreated = z
  .object({
    project_id: z.string().openapi({ example: 'prj_01arz3ndektsv4rrffq69g5fav' }),
    api_key: z.string().openapi({ description: 'Told once; only a hash of it is kept.' }),
    payment_types: z.array(z.enum(['one_time', 'subscription', 'credits'])),
    features: z.array(z.string()),
    environment_variables: z.object({
      QUITTANCE_API_URL: z.string(),
      QUITTANCE_PROJECT_ID: z.string(),
      QUITTANCE_API_KEY: z.string(),
    }),
  })
  .openapi('ProjectCreated')

const project = z
  .object({
    project_id: z.string(),
    name: z.string(),
    currency: z.string(),
    success_url: z.string().nullable(),
    cancel_url: z.string().nullable(),
    created_at: timestamp,
  })
  .openapi('Project')
export const projectPage = page(project).openapi('ProjectPage')

export const projectDetail = project
  .extend({
    dunning: dunningShown,
    dunning_version: z.int().openapi({ description: 'The version of the policy; 0 is the default.' }),
    payment_types: z.array(z.enum(['one_time', 'subscription', 'credits'])),
    features: z.array(z.string()),
    plans: z.array(
      z.object({
        id: z.string(),
        version: z.int(),
        name: z.string(),
        amount: z.int(),
        currency: z.string(),
        interval: z.enum(['day', 'week', 'month', 'year']),
        trial_days: z.int(),
        roles: z.array(z.string()),
        limits: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
      }),
    ),
    products: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        amount: z.int(),
        currency: z.string(),
        credits: z.int().optional(),
      }),
    ),
  })
  .openapi('ProjectDetail')

function isWithoutDuplicates(names: string[]): boolean {
  return new Set(names).size === names.length
}
