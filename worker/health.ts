import { createServer, type Server, type ServerResponse } from 'node:http'
import { register } from 'prom-client'

export interface HealthInput {
  port: number
  /** Whether the process does its work: its workers poll Temporal. */
  isReady: () => boolean
}

/** Tells whether this process lives and works, and its metrics. On loopback unless a container says otherwise. */
export function serveHealth({ port, isReady }: HealthInput, host = '127.0.0.1'): Promise<Server> {
  const text = { 'content-type': 'text/plain' }
  const pages: Record<string, (response: ServerResponse) => void> = {
    '/healthz': (response) => response.writeHead(200, text).end('ok\n'),
    '/readyz': (response) =>
      isReady()
        ? response.writeHead(200, text).end('ready\n')
        : response.writeHead(503, text).end('not ready\n'),
    '/metrics': (response) =>
      void register.metrics().then(
        (metrics) => response.writeHead(200, { 'content-type': register.contentType }).end(metrics),
        () => response.writeHead(500).end(),
      ),
  }
  const server = createServer(({ url = '' }, response) => {
    const page = pages[url]
    if (page) page(response)
    else response.writeHead(404).end()
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
