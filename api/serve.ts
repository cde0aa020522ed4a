import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'

export interface RunningServer {
  url: string
  /** Takes no more connections, lets requests finish, and cuts off those that take longer than this. */
  close(patience_ms?: number): Promise<void>
}

type Fetch = Parameters<typeof createAdaptorServer>[0]['fetch']

/** Listens for HTTP. Port 0 takes a free one. */
export function serve(fetch: Fetch, { host, port }: { host: string; port: number }): Promise<RunningServer> {
  const server = createAdaptorServer({
    fetch,
    // A client that sends slowly must not hold a connection for ever.
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 },
  }) as Server
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const { port: actualPort } = server.address() as AddressInfo
      resolve({ url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`, close })
    })
  })

  function close(patience_ms = 10_000): Promise<void> {
    return new Promise((resolve) => {
      const cutOff = setTimeout(() => server.closeAllConnections(), patience_ms)
      server.close(() => {
        clearTimeout(cutOff)
        resolve()
      })
      server.closeIdleConnections()
    })
  }
}
