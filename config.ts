/** The environment, turned once into one typed value. Nothing else in the product reads `process.env`. */

export interface Config {
  /** In production every variable must be set; elsewhere the embedded defaults of `npm start` apply. */
  production: boolean
  /** Where the API listens: on loopback unless a container or a deployment says otherwise. */
  host: string
  port: number
  /** Where integrators reach the API, as they are told at registration; unset means where their request came to. */
  publicUrl: string | undefined
  logLevel: string
  database: { applicationUrl: string; systemUrl: string; poolSize: number }
  temporal: TemporalConfig
  kafka: KafkaConfig | undefined
  stripe: StripeConfig
  /** Unset means that notices remain events and are not sent as mails. */
  mail: MailConfig | undefined
  /** The key of the first operator, who may then create others. */
  operatorKey: string
  /** Where the worker tells its health and metrics; unset means it does not. */
  workerHealthPort: number | undefined
  /** A workflow bundle built beforehand; without it the worker builds one when it starts. */
  workflowBundle: string | undefined
  /** How often Stripe's books are compared with ours; 0 means only by hand. */
  reconcileEveryMinutes: number
  /** Names the release to Temporal's worker deployments; unset means that any worker takes any workflow. */
  buildId: string | undefined
}

export interface TemporalConfig {
  address: string
  namespace: string
  apiKey: string | undefined
  /** Present when the connection is encrypted; the certificate paths are for mutual TLS. */
  tls: { serverName?: string; caPath?: string; certPath?: string; keyPath?: string } | undefined
}

export interface KafkaConfig {
  brokers: string[]
  sasl:
    { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string } | undefined
}

export interface StripeConfig {
  secretKey: string
  /** Up to two while a secret is being rotated. */
  webhookSecrets: string[]
  /** The address of the local Stripe; unset means Stripe itself. */
  apiBase: string | undefined
  livemode: boolean
  /** Activities that may call Stripe in a second, over all workers. Each makes up to four calls, and Stripe takes about 100
   *  a second live and 25 in test mode. Unset means no limit, which is for the local Stripe. */
  activitiesPerSecond: number | undefined
}

export interface MailConfig {
  /** `smtp://…` or `smtps://…`, with user and password where the server wants them. */
  smtpUrl: string
  /** The address that mails come from; the name beside it is the project's. */
  from: string
}

export type Environment = Record<string, string | undefined>

/** All that is wrong with the environment at once, so that a deployment is mended in one go. */
export class ConfigError extends Error {
  readonly problems: string[]

  constructor(problems: string[]) {
    super(`The configuration is incomplete:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** The local defaults match what `npm start` and `docker compose up` offer on a laptop. */
const localDefaults: Environment = {
  DATABASE_URL: 'postgres://quittance_app:quittance@127.0.0.1:5432/quittance',
  DATABASE_SYSTEM_URL: 'postgres://quittance_system:quittance@127.0.0.1:5432/quittance',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
  KAFKA_BROKERS: '127.0.0.1:9092',
  STRIPE_SECRET_KEY: 'sk_test_local',
  STRIPE_WEBHOOK_SECRET: 'whsec_local',
  STRIPE_API_BASE: 'http://127.0.0.1:12111',
  QUITTANCE_OPERATOR_KEY: 'qk_operator_local',
}

/** Reads and checks the environment.
 *  @throws ConfigError naming every variable that is missing or malformed. */
export function loadConfig(environment: Environment = process.env): Config {
  const problems: string[] = []
  const production = environment.NODE_ENV === 'production'

  const text = (name: string): string => {
    const value = environment[name] || (production ? undefined : localDefaults[name])
    if (!value) problems.push(`${name} is not set`)
    return value ?? ''
  }
  const whole = (name: string, fallback: number, min: number, max: number): number => {
    const raw = environment[name]
    if (!raw) return fallback
    const value = Number(raw)
    if (!Number.isInteger(value) || value < min || value > max)
      problems.push(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(raw)}`)
    return value
  }
  const postgresUrl = (name: string): string => {
    const value = text(name)
    if (value && !/^postgres(ql)?:\/\//.test(value)) problems.push(`${name} must start with postgres://`)
    return value
  }

  const publicUrl = environment.QUITTANCE_PUBLIC_URL?.replace(/\/+$/, '') || undefined
  if (publicUrl && !(URL.canParse(publicUrl) && /^https?:/.test(publicUrl)))
    problems.push('QUITTANCE_PUBLIC_URL must be an address such as https://billing.example.com')
  const stripeSecretKey = text('STRIPE_SECRET_KEY')
  if (stripeSecretKey && !/^(sk|rk)_(test|live)_/.test(stripeSecretKey))
    problems.push('STRIPE_SECRET_KEY must look like sk_test_… or sk_live_… (or rk_… for a restricted key)')
  const webhookSecrets = text('STRIPE_WEBHOOK_SECRET')
    .split(',')
    .map((secret) => secret.trim())
    .filter(Boolean)
  if (webhookSecrets.length > 2)
    problems.push('STRIPE_WEBHOOK_SECRET takes at most two secrets, separated by a comma')
  const operatorKey = text('QUITTANCE_OPERATOR_KEY')
  if (production && operatorKey && operatorKey.length < 24)
    problems.push('QUITTANCE_OPERATOR_KEY must have at least 24 characters')
  if (operatorKey && !/^[\x21-\x7e]{1,256}$/.test(operatorKey))
    problems.push('QUITTANCE_OPERATOR_KEY must be at most 256 visible ASCII characters, to fit into a header')
  const logLevel = environment.LOG_LEVEL || 'info'
  if (!logLevels.includes(logLevel)) problems.push(`LOG_LEVEL must be one of ${logLevels.join(', ')}`)

  // In production an unset STRIPE_API_BASE means Stripe itself; elsewhere it means the local one.
  const apiBase = environment.STRIPE_API_BASE || (production ? undefined : localDefaults.STRIPE_API_BASE)
  if (apiBase && !URL.canParse(apiBase))
    problems.push(`STRIPE_API_BASE must be an address, not ${JSON.stringify(apiBase)}`)

  const livemode = /^(sk|rk)_live_/.test(stripeSecretKey)
  const config: Config = {
    production,
    host: environment.HOST || '127.0.0.1',
    port: whole('PORT', 3000, 0, 65_535),
    publicUrl,
    logLevel,
    database: {
      applicationUrl: postgresUrl('DATABASE_URL'),
      systemUrl: postgresUrl('DATABASE_SYSTEM_URL'),
      poolSize: whole('DATABASE_POOL_SIZE', 10, 1, 500),
    },
    temporal: { ...loadTemporalConfig(environment), address: text('TEMPORAL_ADDRESS') },
    kafka:
      environment.KAFKA_BROKERS === 'none'
        ? undefined
        : {
            brokers: text('KAFKA_BROKERS')
              .split(',')
              .map((broker) => broker.trim())
              .filter(Boolean),
            sasl: kafkaSasl(environment, problems),
          },
    stripe: {
      secretKey: stripeSecretKey,
      webhookSecrets,
      apiBase,
      livemode,
      activitiesPerSecond: isStripeItself(apiBase) ? (livemode ? 25 : 6) : undefined,
    },
    mail: mailConfig(environment, problems),
    operatorKey,
    workerHealthPort: whole('QUITTANCE_WORKER_HEALTH_PORT', 0, 0, 65_535) || undefined,
    workflowBundle: environment.QUITTANCE_WORKFLOW_BUNDLE || undefined,
    reconcileEveryMinutes: whole('QUITTANCE_RECONCILE_MINUTES', 60, 0, 44_640),
    buildId: environment.QUITTANCE_BUILD_ID || undefined,
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

export interface SetupConfig extends Config {
  /** The role that migrates; unset means that somebody else does. */
  databaseOwnerUrl: string | undefined
}

/** What set-up needs: the owner of the database, but neither the webhook secret, which it may be about to create, nor an
 *  operator.
 *  @throws ConfigError naming every variable that is missing or malformed. */
export function loadSetupConfig(environment: Environment = process.env): SetupConfig {
  const config = loadConfig({
    ...environment,
    STRIPE_WEBHOOK_SECRET: environment.STRIPE_WEBHOOK_SECRET || 'whsec_to_be_created',
    QUITTANCE_OPERATOR_KEY: environment.QUITTANCE_OPERATOR_KEY || 'qk_operator_not_needed_for_setup',
  })
  return { ...config, databaseOwnerUrl: environment.DATABASE_OWNER_URL || undefined }
}

/** What a tool needs that asks Temporal alone. */
export function loadTemporalConfig(environment: Environment = process.env): TemporalConfig {
  return {
    address: environment.TEMPORAL_ADDRESS || (localDefaults.TEMPORAL_ADDRESS ?? ''),
    namespace: environment.TEMPORAL_NAMESPACE || 'default',
    apiKey: environment.TEMPORAL_API_KEY || undefined,
    tls: temporalTls(environment),
  }
}

/** Stripe's own servers have a rate limit, a stand-in has none. */
function isStripeItself(apiBase: string | undefined): boolean {
  return apiBase === undefined || (URL.canParse(apiBase) && new URL(apiBase).hostname.endsWith('stripe.com'))
}

function temporalTls(environment: Environment): TemporalConfig['tls'] {
  const { TEMPORAL_TLS_SERVER_NAME, TEMPORAL_TLS_CA, TEMPORAL_TLS_CERT, TEMPORAL_TLS_KEY } = environment
  const wanted =
    environment.TEMPORAL_TLS_ENABLED === 'true' ||
    environment.TEMPORAL_API_KEY ||
    TEMPORAL_TLS_CA ||
    TEMPORAL_TLS_CERT
  if (!wanted) return undefined
  return {
    ...(TEMPORAL_TLS_SERVER_NAME && { serverName: TEMPORAL_TLS_SERVER_NAME }),
    ...(TEMPORAL_TLS_CA && { caPath: TEMPORAL_TLS_CA }),
    ...(TEMPORAL_TLS_CERT && { certPath: TEMPORAL_TLS_CERT }),
    ...(TEMPORAL_TLS_KEY && { keyPath: TEMPORAL_TLS_KEY }),
  }
}

/** The password in the address is a secret, so what is wrong with it is not quoted. */
function mailConfig(environment: Environment, problems: string[]): MailConfig | undefined {
  const { SMTP_URL: smtpUrl, MAIL_FROM: from } = environment
  if (!smtpUrl) return undefined
  if (!(/^smtps?:\/\//.test(smtpUrl) && URL.canParse(smtpUrl) && new URL(smtpUrl).hostname))
    problems.push('SMTP_URL must be an address such as smtps://user:password@mail.example.com')
  if (!from) problems.push('MAIL_FROM, the address that mails come from, must be set with SMTP_URL')
  else if (!/^[^\s<>@"]+@[^\s<>@"]+$/.test(from))
    problems.push(`MAIL_FROM must be a bare address such as billing@example.com, not ${JSON.stringify(from)}`)
  return { smtpUrl, from: from ?? '' }
}

function kafkaSasl(environment: Environment, problems: string[]): KafkaConfig['sasl'] {
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = environment
  if (!username && !password) return undefined
  if (!username || !password) {
    problems.push('KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set together')
    return undefined
  }
  const mechanism = environment.KAFKA_SASL_MECHANISM ?? 'scram-sha-512'
  if (mechanism !== 'plain' && mechanism !== 'scram-sha-256' && mechanism !== 'scram-sha-512') {
    problems.push('KAFKA_SASL_MECHANISM must be plain, scram-sha-256 or scram-sha-512')
    return undefined
  }
  return { mechanism, username, password }
}
