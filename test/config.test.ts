import { describe, expect, it } from 'vitest'
import { ConfigError, type Environment, loadConfig, loadSetupConfig } from '../config.ts'

const production: Environment = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://app:secret@db:5432/quittance',
  DATABASE_SYSTEM_URL: 'postgresql://system:secret@db:5432/quittance',
  TEMPORAL_ADDRESS: 'temporal:7233',
  KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9092',
  STRIPE_SECRET_KEY: 'sk_live_1',
  STRIPE_WEBHOOK_SECRET: 'whsec_1',
  QUITTANCE_OPERATOR_KEY: 'a-long-and-random-operator-key',
}

/** What is said to be wrong with an environment. */
function problemsOf(environment: Environment): string[] {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('an empty environment', () => {
  it('is that of a laptop: everything on loopback, in test mode', () => {
    const config = loadConfig({})
    expect(config).toMatchObject({ production: false, host: '127.0.0.1', port: 3000, publicUrl: undefined })
    expect(config.stripe).toMatchObject({ livemode: false, apiBase: 'http://127.0.0.1:12111' })
    for (const address of [
      config.database.applicationUrl,
      config.database.systemUrl,
      config.temporal.address,
    ])
      expect(address).toContain('127.0.0.1')
  })

  it('names every variable that production needs, all at once', () => {
    const missing = problemsOf({ NODE_ENV: 'production' })
    const needed = Object.keys(production).filter((name) => name !== 'NODE_ENV')
    expect(missing.toSorted()).toEqual(needed.map((name) => `${name} is not set`).toSorted())
  })
})

describe('production', () => {
  it.each(Object.keys(production).filter((name) => name !== 'NODE_ENV'))('needs %s', (name) => {
    expect(problemsOf({ ...production, [name]: undefined })).toEqual([`${name} is not set`])
    expect(problemsOf({ ...production, [name]: '' })).toEqual([`${name} is not set`])
  })

  it('speaks to Stripe itself unless told otherwise', () => {
    expect(loadConfig(production).stripe).toMatchObject({ livemode: true, apiBase: undefined })
    expect(loadConfig({ ...production, STRIPE_API_BASE: 'http://stub:1' }).stripe.apiBase).toBe(
      'http://stub:1',
    )
  })

  it('takes a list of brokers, and two webhook secrets while one is being rotated', () => {
    const config = loadConfig({ ...production, STRIPE_WEBHOOK_SECRET: 'whsec_new, whsec_old' })
    expect(config.kafka?.brokers).toEqual(['kafka-1:9092', 'kafka-2:9092'])
    expect(config.stripe.webhookSecrets).toEqual(['whsec_new', 'whsec_old'])
  })

  it('may do without Kafka only when that is said', () => {
    expect(loadConfig({ ...production, KAFKA_BROKERS: 'none' }).kafka).toBeUndefined()
  })
})

describe('a variable that is malformed', () => {
  it.each([
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['PORT', 'http'],
    ['DATABASE_POOL_SIZE', '0'],
    ['DATABASE_URL', 'mysql://db'],
    ['DATABASE_SYSTEM_URL', 'db:5432'],
    ['STRIPE_SECRET_KEY', 'pk_live_1'],
    ['STRIPE_WEBHOOK_SECRET', 'a,b,c'],
    ['STRIPE_API_BASE', 'nowhere'],
    ['QUITTANCE_OPERATOR_KEY', 'short'],
    ['QUITTANCE_OPERATOR_KEY', 'with a space in it, though long enough'],
    ['QUITTANCE_PUBLIC_URL', 'billing.example.com'],
    ['QUITTANCE_WORKER_HEALTH_PORT', '-1'],
    ['LOG_LEVEL', 'loud'],
    ['KAFKA_SASL_USERNAME', 'only-a-name'],
  ])('is named: %s=%s', (name, value) => {
    const problems = problemsOf({ ...production, [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(name)
  })

  it('is named without the secret it holds', () => {
    const environment = {
      ...production,
      STRIPE_SECRET_KEY: 'secret-value',
      DATABASE_URL: 'mysql://user:hunter2@db',
    }
    expect(problemsOf(environment).join('\n')).not.toMatch(/secret-value|hunter2/)
  })

  it('is named together with all the others', () => {
    expect(
      problemsOf({ ...production, PORT: 'x', STRIPE_SECRET_KEY: 'x', TEMPORAL_ADDRESS: '' }),
    ).toHaveLength(3)
  })
})

describe('the connection to Temporal', () => {
  it.each([
    [{}, undefined],
    [{ TEMPORAL_API_KEY: 'key' }, {}],
    [
      { TEMPORAL_TLS_ENABLED: 'true', TEMPORAL_TLS_SERVER_NAME: 'temporal.internal' },
      { serverName: 'temporal.internal' },
    ],
    [
      { TEMPORAL_TLS_CERT: '/cert', TEMPORAL_TLS_KEY: '/key', TEMPORAL_TLS_CA: '/ca' },
      { certPath: '/cert', keyPath: '/key', caPath: '/ca' },
    ],
  ])('is encrypted where %j says so', (environment, tls) => {
    expect(loadConfig(environment).temporal.tls).toEqual(tls)
  })
})

describe('the connection to Kafka', () => {
  it('signs in where both name and password are given', () => {
    const signIn = { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }
    expect(loadConfig(signIn).kafka?.sasl).toEqual({
      mechanism: 'scram-sha-512',
      username: 'u',
      password: 'p',
    })
    expect(loadConfig({ ...signIn, KAFKA_SASL_MECHANISM: 'plain' }).kafka?.sasl?.mechanism).toBe('plain')
    expect(problemsOf({ ...signIn, KAFKA_SASL_MECHANISM: 'magic' })).toHaveLength(1)
  })
})

describe('the addresses that integrators are told', () => {
  it('carry no slash at their end', () => {
    expect(loadConfig({ QUITTANCE_PUBLIC_URL: 'https://billing.example.com/' }).publicUrl).toBe(
      'https://billing.example.com',
    )
  })
})

describe('set-up', () => {
  it('needs neither the webhook secret, which it may be about to make, nor an operator', () => {
    const { STRIPE_WEBHOOK_SECRET: _secret, QUITTANCE_OPERATOR_KEY: _key, ...environment } = production
    const config = loadSetupConfig({ ...environment, DATABASE_OWNER_URL: 'postgres://owner@db/quittance' })
    expect(config.databaseOwnerUrl).toBe('postgres://owner@db/quittance')
    expect(() => loadConfig(environment)).toThrow(ConfigError)
  })
})

describe('mails', () => {
  const mail = { SMTP_URL: 'smtps://user:s3cret@mail.example.com', MAIL_FROM: 'billing@example.com' }

  it('are sent where a mail server is named, in production and elsewhere, and nowhere else', () => {
    for (const environment of [{}, production]) {
      expect(loadConfig(environment).mail).toBeUndefined()
      expect(loadConfig({ ...environment, ...mail }).mail).toEqual({
        smtpUrl: mail.SMTP_URL,
        from: mail.MAIL_FROM,
      })
    }
  })

  it('need an address to come from, without a name: that is the project’s', () => {
    expect(problemsOf({ ...mail, MAIL_FROM: '' })).toEqual([
      'MAIL_FROM, the address that mails come from, must be set with SMTP_URL',
    ])
    for (const from of ['Billing <billing@example.com>', 'billing', 'a@b@c'])
      expect(problemsOf({ ...mail, MAIL_FROM: from })).toEqual([
        expect.stringMatching(/^MAIL_FROM must be a bare address/),
      ])
  })

  it('are refused a server that is no mail server, without quoting its password', () => {
    for (const url of ['https://user:s3cret@mail.example.com', 'mail.example.com:587', 'smtp://']) {
      const problems = problemsOf({ ...mail, SMTP_URL: url })
      expect(problems).toEqual([expect.stringMatching(/^SMTP_URL must be an address/)])
      expect(problems.join()).not.toContain('s3cret')
    }
  })
})
