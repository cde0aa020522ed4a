import { createServer, type Server } from 'node:http'
import { register } from 'prom-client'

export interface HealthInput {
  port: number
  /** Whether the process does its work: its workers poll Temporal. */
  isReady: () => boolean
}

/** Tells whether this process lives and works, and its metrics. On loopback unless a container says otherwise. */
export function serveHealth({ port, isReady }: HealthInput, host = '127.0.0.1'): Promise<Server> {
  const server = createServer((request, response) => {
    switch (request.url) {
      case '/healthz':
        response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
        return
      case '/readyz':
        response
          .writeHead(isReady() ? 200 : 503, { 'content-type': 'text/plain' })
          .end(isReady() ? 'ready\n' : 'not ready\n')
        return
      case '/metrics':
        void register.metrics().then(
          (metrics) => response.writeHead(200, { 'content-type': register.contentType }).end(metrics),
          () => response.writeHead(500).end(),
        )
        return
      default:
        response.writeHead(404).end()
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
