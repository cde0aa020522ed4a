import { z } from 'zod'
import { externalNamePattern, type Id, type IdPrefix } from '../domain/ids.ts'

/** What the schemas of the events are made of. */

export const id = <P extends IdPrefix>(prefix: P, description: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`))
    .describe(description) as unknown as z.ZodType<Id<P>>

export const externalName = (description: string) =>
  z.string().regex(externalNamePattern).describe(description)
export const time = (description: string) => z.iso.datetime().describe(`${description} RFC 3339, UTC.`)
export const amount = (description: string) =>
  z.int().nonnegative().describe(`${description} In minor units.`)
export const currency = z
  .string()
  .regex(/^[a-z]{3}$/)
  .describe('ISO 4217, in lower case.')

export const user = externalName("The payer, by the project's own name.")
export const plan = externalName("The plan, by the project's own name.")
export const roles = z.array(z.string())
export const declineCode = z.string().describe("Stripe's decline code.").optional()

export const microDollars = (description: string) =>
  z.int().nonnegative().describe(`${description} In micro-dollars.`)
