import { bigint, customType, text, timestamp } from 'drizzle-orm/pg-core'

/** Columns that many tables share, so that a kind of value looks the same everywhere. */

/** Time as milliseconds since 1970 in code, `timestamptz` in the database. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })

export const recordedNow = (name: string) => instant(name).notNull().defaultNow()

/** Whole minor units. Safe integers: Stripe's largest amount is far below 2^53, and the database checks the sign. */
export const amountMinor = (name: string) => bigint(name, { mode: 'number' })

export const currencyCode = () => text('currency').notNull()

export const hash = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })
