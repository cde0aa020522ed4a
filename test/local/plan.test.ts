import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePorts } from '../../local/ports.ts'
import { planStack } from '../../local/plan.ts'
import { temporaryDirectory } from './fixtures/temporary-directory.ts'

const plan = (
  environment: Record<string, string>,
  options: { withoutKafka?: boolean; directory?: string } = {},
) =>
  planStack(environment, {
    stateDirectory: options.directory ?? temporaryDirectory(),
    withoutKafka: options.withoutKafka ?? false,
  })

describe('what npm start plans', () => {
  it('starts every part when the environment names none', async () => {
    const { starts, environment, ports, ownerUrl } = await plan({})
    expect(starts).toEqual({ postgres: true, temporal: true, kafka: true, stripe: true, mailbox: true })
    expect(environment).toMatchObject({
      SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
      MAIL_FROM: 'billing@quittance.test',
    })
    expect(environment.DATABASE_URL).toContain(`quittance_app:quittance@127.0.0.1:${ports.postgres}/`)
    expect(ownerUrl).toContain('quittance_owner')
    expect(environment.DATABASE_OWNER_URL).toBeUndefined()
  })

  it('starts no part whose address is in the environment', async () => {
    const { starts, environment, temporalUiUrl } = await plan({
      DATABASE_URL: 'postgres://a:b@db.example/q',
      DATABASE_SYSTEM_URL: 'postgres://s:b@db.example/q',
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      KAFKA_BROKERS: 'kafka.example:9092',
      STRIPE_API_BASE: 'http://stripe.example:12111',
      SMTP_URL: 'smtps://mail.example',
      MAIL_FROM: 'billing@shop.example',
    })
    expect(starts).toEqual({
      postgres: false,
      temporal: false,
      kafka: false,
      stripe: false,
      mailbox: false,
    })
    expect(environment).toMatchObject({
      SMTP_URL: 'smtps://mail.example',
      MAIL_FROM: 'billing@shop.example',
    })
    expect(environment.DATABASE_URL).toBe('postgres://a:b@db.example/q')
    expect(environment.TEMPORAL_ADDRESS).toBe('temporal.example:7233')
    expect(temporalUiUrl).toBeUndefined()
  })

  it('says when the database will not be migrated', async () => {
    const { remarks, ownerUrl } = await plan({
      DATABASE_URL: 'postgres://a:b@db.example/q',
      DATABASE_SYSTEM_URL: 'postgres://s:b@db.example/q',
    })
    expect(ownerUrl).toBeUndefined()
    expect(remarks).toContain('DATABASE_OWNER_URL is not set, so the database is not migrated.')
  })

  it('leaves Kafka out when asked to', async () => {
    const { starts, environment } = await plan({}, { withoutKafka: true })
    expect(starts.kafka).toBe(false)
    expect(environment.KAFKA_BROKERS).toBe('none')
  })

  it('goes to Stripe itself when a key is given, which needs a webhook secret', async () => {
    await expect(plan({ STRIPE_SECRET_KEY: 'sk_test_x' })).rejects.toThrow(
      'STRIPE_WEBHOOK_SECRET must be set',
    )
    const { starts, environment } = await plan({
      STRIPE_SECRET_KEY: 'sk_test_x',
      STRIPE_WEBHOOK_SECRET: 'whsec_x',
    })
    expect(starts.stripe).toBe(false)
    expect(environment.STRIPE_API_BASE).toBe('https://api.stripe.com')
  })

  it('refuses half a database and a port that is taken', async () => {
    await expect(plan({ DATABASE_URL: 'postgres://a:b@c/d' })).rejects.toThrow('DATABASE_SYSTEM_URL')
    await expect(plan({ PORT: 'many' })).rejects.toThrow('PORT must be a whole number')
  })

  it('keeps the ports of the last run, and takes those it is told', async () => {
    const directory = temporaryDirectory()
    const [remembered = 0, told = 0] = await freePorts(2)
    writeFileSync(path.join(directory, 'ports.json'), JSON.stringify({ stripe: remembered }))
    const { ports, apiUrl } = await plan({ PORT: String(told) }, { directory })
    expect(ports.stripe).toBe(remembered)
    expect(apiUrl).toBe(`http://127.0.0.1:${told}`)
    expect(JSON.parse(readFileSync(path.join(directory, 'ports.json'), 'utf8'))).toEqual(ports)
  })
})
