/** What a run of `npm start` will start and where everything will be, decided before anything is started. */

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { choosePorts, isFree } from './ports.ts'
import { localPassword } from './parts/postgres.ts'
import { localStripeKey } from './parts/stripe.ts'

type Environment = Record<string, string | undefined>

const usualPorts = {
  api: 3000,
  worker: 9464,
  postgres: 5432,
  temporal: 7233,
  temporalUi: 8233,
  kafka: 9092,
  kafkaController: 9093,
  stripe: 12111,
  mailbox: 8025,
  smtp: 1025,
}
type PortName = keyof typeof usualPorts
export type Ports = Record<PortName, number>

export interface Plan {
  ports: Ports
  /** Whether we start the part; otherwise its address came from the environment, or it is left out. */
  starts: { postgres: boolean; temporal: boolean; kafka: boolean; stripe: boolean; mailbox: boolean }
  apiUrl: string
  /** For migrations; undefined where somebody else migrates. */
  ownerUrl: string | undefined
  temporalUiUrl: string | undefined
  /** What API and worker get to see, all but the webhook secret, which set-up may still have to create. */
  environment: Environment & {
    DATABASE_URL: string
    DATABASE_SYSTEM_URL: string
    TEMPORAL_ADDRESS: string
    TEMPORAL_NAMESPACE: string
    KAFKA_BROKERS: string
    STRIPE_API_BASE: string
    STRIPE_SECRET_KEY: string
    QUITTANCE_OPERATOR_KEY: string
  }
  /** What the user should know about it. */
  remarks: string[]
}

/** @throws when the environment contradicts itself or a port that was asked for is taken. */
export async function planStack(
  environment: Environment,
  options: { stateDirectory: string; withoutKafka: boolean },
): Promise<Plan> {
  const { DATABASE_URL, TEMPORAL_ADDRESS, KAFKA_BROKERS, STRIPE_API_BASE, STRIPE_SECRET_KEY } = environment
  const isRealStripe = Boolean(STRIPE_SECRET_KEY) && !STRIPE_API_BASE
  requireTogether(environment, isRealStripe)

  const { ports, remarks } = await portsFor(environment, options.stateDirectory)
  const starts = {
    postgres: !DATABASE_URL,
    temporal: !TEMPORAL_ADDRESS,
    kafka: !KAFKA_BROKERS && !options.withoutKafka,
    stripe: !STRIPE_API_BASE && !STRIPE_SECRET_KEY,
    mailbox: !environment.SMTP_URL,
  }
  const database = (role: string) =>
    `postgres://${role}:${localPassword}@127.0.0.1:${ports.postgres}/quittance`
  if (DATABASE_URL && !environment.DATABASE_OWNER_URL)
    remarks.push('DATABASE_OWNER_URL is not set, so the database is not migrated.')
  return {
    ports,
    starts,
    apiUrl: `http://127.0.0.1:${ports.api}`,
    ownerUrl: starts.postgres ? database('quittance_owner') : environment.DATABASE_OWNER_URL || undefined,
    temporalUiUrl: starts.temporal ? `http://127.0.0.1:${ports.temporalUi}` : undefined,
    environment: {
      ...environment,
      // The owner migrates and is never used at run time, so those who run do not get to know it.
      DATABASE_OWNER_URL: undefined,
      PORT: String(ports.api),
      QUITTANCE_WORKER_HEALTH_PORT: String(ports.worker),
      DATABASE_URL: DATABASE_URL || database('quittance_app'),
      DATABASE_SYSTEM_URL: environment.DATABASE_SYSTEM_URL || database('quittance_system'),
      TEMPORAL_ADDRESS: TEMPORAL_ADDRESS || `127.0.0.1:${ports.temporal}`,
      TEMPORAL_NAMESPACE: environment.TEMPORAL_NAMESPACE || 'default',
      KAFKA_BROKERS: options.withoutKafka ? 'none' : KAFKA_BROKERS || `127.0.0.1:${ports.kafka}`,
      STRIPE_API_BASE:
        STRIPE_API_BASE || (isRealStripe ? 'https://api.stripe.com' : `http://127.0.0.1:${ports.stripe}`),
      STRIPE_SECRET_KEY: STRIPE_SECRET_KEY || localStripeKey,
      ...(starts.mailbox && {
        SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
        MAIL_FROM: environment.MAIL_FROM || 'billing@quittance.test',
      }),
      QUITTANCE_OPERATOR_KEY: environment.QUITTANCE_OPERATOR_KEY || 'qk_operator_local',
    },
    remarks,
  }
}

function requireTogether(environment: Environment, isRealStripe: boolean): void {
  if (environment.DATABASE_URL && !environment.DATABASE_SYSTEM_URL)
    throw new Error(
      'With DATABASE_URL, DATABASE_SYSTEM_URL (the system role of that database) must be set as well.',
    )
  if (isRealStripe && !environment.STRIPE_WEBHOOK_SECRET)
    throw new Error(
      'With STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET must be set as well: Stripe cannot reach this machine by itself. ' +
        '`stripe listen --forward-to 127.0.0.1:3000/webhooks/stripe` forwards its events and prints the secret.',
    )
}

/** The ports of the last run, so that addresses stay as they were; else the usual ones; else any that are free. */
async function portsFor(
  environment: Environment,
  stateDirectory: string,
): Promise<{ ports: Ports; remarks: string[] }> {
  const file = path.join(stateDirectory, 'ports.json')
  const remembered = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as Partial<Ports>)
    .catch((): Partial<Ports> => ({}))
  const names = Object.keys(usualPorts) as PortName[]
  const wishes = Object.fromEntries(
    names.map((name) => [name, [remembered[name], usualPorts[name]].filter((port) => port !== undefined)]),
  ) as Record<PortName, number[]>

  if (environment.PORT) {
    const port = Number(environment.PORT)
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`PORT must be a whole number from 1 to 65535, not ${JSON.stringify(environment.PORT)}`)
    if (!(await isFree(port)))
      throw new Error(`Port ${port}, which PORT asks for, is taken by another program.`)
    wishes.api = [port]
  }
  const ports = await choosePorts(wishes)
  await writeFile(file, JSON.stringify(ports, undefined, 2))
  const remarks = names
    .filter((name) => ports[name] !== wishes[name][0])
    .map((name) => `Port ${wishes[name][0]} is taken, so ${name} gets ${ports[name]}.`)
  return { ports, remarks }
}
