/** How Temporal is reached; the same for clients (`Connection`) and workers (`NativeConnection`). */

import { readFile } from 'node:fs/promises'
import type { TLSConfig } from '@temporalio/client'
import type { TemporalConfig } from '../config.ts'

export interface TemporalConnectionOptions {
  address: string
  tls?: TLSConfig
  apiKey?: string
}

/** Reads the certificates that the configuration names.
 *  @throws when one of the files cannot be read. */
export async function temporalConnectionOptions(config: TemporalConfig): Promise<TemporalConnectionOptions> {
  const { address, apiKey, tls } = config
  return { address, ...(apiKey && { apiKey }), ...(tls && { tls: await tlsOf(tls) }) }
}

async function tlsOf(tls: NonNullable<TemporalConfig['tls']>): Promise<TLSConfig> {
  const { serverName, caPath, certPath, keyPath } = tls
  if (Boolean(certPath) !== Boolean(keyPath))
    throw new Error('TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY must be set together')
  return {
    ...(serverName && { serverNameOverride: serverName }),
    ...(caPath && { serverRootCACertificate: await readFile(caPath) }),
    ...(certPath &&
      keyPath && { clientCertPair: { crt: await readFile(certPath), key: await readFile(keyPath) } }),
  }
}
