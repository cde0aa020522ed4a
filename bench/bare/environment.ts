import postgres from 'postgres'

/** What the bare processes are told by the environment, as the product's are. */
export function bareEnvironment() {
  const text = (name: string): string => {
    const value = process.env[name]
    if (!value) throw new Error(`${name} is not set`)
    return value
  }
  return {
    port: Number(text('PORT')),
    databaseUrl: text('DATABASE_URL'),
    temporalAddress: text('TEMPORAL_ADDRESS'),
    namespace: text('TEMPORAL_NAMESPACE'),
    stripe: { secretKey: text('STRIPE_SECRET_KEY'), apiBase: text('STRIPE_API_BASE') },
  }
}

/** As many connections as a process of the product has of each role. */
export const BARE_POOL_SIZE = 10

export const connectBare = (databaseUrl: string): postgres.Sql =>
  postgres(databaseUrl, { max: BARE_POOL_SIZE, onnotice: () => {} })
