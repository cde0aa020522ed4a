import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A wire between the product and Postgres that counts how often something was asked and had to be waited for. */
export interface CountingWire {
  /** The same database, reached through the wire. */
  url: string
  count(): number
  close(): Promise<void>
}

export async function createCountingWire(databaseUrl: string): Promise<CountingWire> {
  const { hostname, port } = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let roundTrips = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port || 5432), hostname)
    let isWaiting = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
    }
    client.on('data', (data) => {
      // What is sent on before an answer has come costs no waiting of its own.
      if (!isWaiting) roundTrips += 1
      isWaiting = true
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      isWaiting = false
      client.write(data)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    count: () => roundTrips,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
