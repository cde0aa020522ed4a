import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { breachesIn, importBreaches } from '../scripts/import-rules.ts'

describe('the rooms of the design', () => {
  it('import only what the layout allows, everywhere in this checkout', () => {
    expect(importBreaches(path.resolve(import.meta.dirname, '..'))).toEqual([])
  })

  it.each([
    ['domain/a.ts', `import { db } from '../db/client.ts'`],
    ['domain/a.ts', `import { randomBytes } from 'node:crypto'`],
    ['domain/a.ts', `const now = Date.now()`],
    ['domain/a.ts', `const now = new Date()`],
    ['domain/a.ts', `const id = Math.random()`],
    ['domain/a.ts', `import type Stripe from 'stripe'`],
    ['workflows/a.ts', `import { pay } from '../activities/pay.ts'`],
    ['workflows/a.ts', `import { z } from 'zod'`],
    ['workflows/a.ts', `import { type A, pay } from '../activities/pay.ts'`],
    ['workflows/a.ts', `const at = Date.now()`],
    ['activities/a.ts', `import { createStripe } from '../providers/stripe/client.ts'`],
    ['activities/a.ts', `import type { Stripe } from 'stripe'`],
    ['db/a.ts', `import { Hono } from 'hono'`],
    ['inbox/a.ts', `import { checkout } from '../workflows/checkout.ts'`],
    ['api/a.ts', `import { run } from '../worker/relay.ts'`],
    ['api/a.ts', `import { createKafka } from '../providers/kafka.ts'`],
    ['api/a.ts', `import type Stripe from 'stripe'`],
    ['api/a.ts', `import { checkout } from '../workflows/checkout.ts'`],
    ['api/a.ts', `const port = process.env.PORT`],
    ['api/main.ts', `import { startPostgres } from '../local/parts/postgres.ts'`],
    ['worker/a.ts', `import { app } from '../api/app.ts'`],
    ['worker/a.ts', `import { Kafka } from 'kafkajs'`],
    ['worker/main.ts', `import { part } from '../test/support/stack.ts'`],
    ['providers/other.ts', `import Stripe from 'stripe'`],
    ['providers/stripe/a.ts', `const { Kafka } = await import('kafkajs')`],
    ['local/a.ts', `import { createDatabase } from '../db/client.ts'`],
    ['local/a.ts', `import { createApp } from './stripe/app.ts'`],
    ['local/stripe/a.ts', `import { parseMoney } from '../../domain/money.ts'`],
    ['local/stripe/a.ts', `import { freePorts } from '../ports.ts'`],
    ['cli/a.ts', `import { topics } from '../domain/events.ts'`],
    ['somewhere/a.ts', `export const a = 1`],
  ])('%s may not contain: %s', (file, source) => {
    expect(breachesIn(file, source)).not.toEqual([])
  })

  it.each([
    ['domain/a.ts', `import { parseMoney } from './money.ts' // never Date.now()`],
    ['domain/a.ts', `const at = new Date(seconds * 1000)`],
    ['workflows/a.ts', `import type { PayActivities } from '../activities/pay.ts'`],
    ['workflows/a.ts', `import { type A, type B } from '../activities/pay.ts'`],
    ['workflows/a.ts', `import { sleep } from '@temporalio/workflow'`],
    ['workflows/clock.ts', `const at = Date.now()`],
    ['inbox/a.ts', `import { stripeChanged } from '../workflows/messages.ts'`],
    ['api/main.ts', `import { loadConfig } from '../config.ts'`],
    ['providers/stripe/client.ts', `import Stripe from 'stripe'`],
    ['local/a.ts', `const port = process.env.PORT`],
    ['local/a.ts', `import { migrate } from '../setup/migrate.ts'`],
  ])('%s may contain: %s', (file, source) => {
    expect(breachesIn(file, source)).toEqual([])
  })
})
