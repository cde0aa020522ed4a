import { parseArgs } from 'node:util'

export interface StartOptions {
  /** Forget what earlier runs kept, but not what they downloaded. */
  fresh: boolean
  withoutKafka: boolean
}

export const usage = `npm start [-- OPTIONS]

  --fresh          forget the state of earlier runs (databases, addresses), but not the downloads
  --without-kafka  start no Kafka; events stay in the outbox until there is one
  --help           show this

A part whose address is in the environment is not started:
  DATABASE_URL with DATABASE_SYSTEM_URL (and DATABASE_OWNER_URL to migrate), TEMPORAL_ADDRESS, KAFKA_BROKERS,
  STRIPE_SECRET_KEY with STRIPE_WEBHOOK_SECRET (Stripe itself), STRIPE_API_BASE (another local Stripe),
  SMTP_URL with MAIL_FROM (a mail server instead of the local mailbox)`

/** @throws naming the option that is not known. */
export function parseOptions(args: string[]): StartOptions | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      fresh: { type: 'boolean', default: false },
      'without-kafka': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return { fresh: values.fresh, withoutKafka: values['without-kafka'] }
}
