import { later, start } from '../shop.ts'

/** The period that everybody's subscription begins with, and its middle. */
export const firstPeriodEnd = later(start, 30)
export const halfOfFirstPeriod = later(start, 15)
