/** Free ports on loopback. */

import { connect, createServer, type Server } from 'node:net'

/** Whether nothing listens on the port. Connecting is tried as well, because some systems let a second server bind
 *  loopback while another one listens on all addresses. */
export async function isFree(port: number): Promise<boolean> {
  if (await accepts(port)) return false
  const server = await listen(port).catch(() => undefined)
  if (!server) return false
  await close(server)
  return true
}

/** Whether something accepts connections on the port of a host. */
export async function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 1000 })
    const answer = (accepted: boolean) => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })
}

/** As many different free ports as asked for: they are all held at once before they are let go. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  })
  await Promise.all(servers.map(close))
  return ports
}

/** For each name the first of its wishes that is free, else any free port. */
export async function choosePorts<Name extends string>(
  wishes: Record<Name, number[]>,
): Promise<Record<Name, number>> {
  const chosen: Partial<Record<Name, number>> = {}
  const taken = new Set<number>()
  for (const [name, ports] of Object.entries(wishes) as [Name, number[]][]) {
    let port: number | undefined
    for (const wish of ports) {
      if (taken.has(wish) || !(await isFree(wish))) continue
      port = wish
      break
    }
    while (port === undefined || taken.has(port)) [port] = await freePorts(1)
    taken.add(port)
    chosen[name] = port
  }
  return chosen as Record<Name, number>
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server))
  })
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
  })
