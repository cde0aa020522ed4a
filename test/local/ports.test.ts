import { createServer, type Server } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { choosePorts, freePorts, isFree } from '../../local/ports.ts'

async function occupy(host: string): Promise<number> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => {
    server.listen({ port: 0, host }, resolve)
  })
  onTestFinished(() => void server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

describe('ports', () => {
  it('are seen to be taken, on loopback and on all addresses', async () => {
    expect(await isFree(await occupy('127.0.0.1'))).toBe(false)
    expect(await isFree(await occupy('0.0.0.0'))).toBe(false)
  })

  it('are all different', async () => {
    expect(new Set(await freePorts(20)).size).toBe(20)
  })

  it('go to the first wish that is free, and never to two', async () => {
    const taken = await occupy('127.0.0.1')
    const [free = 0] = await freePorts(1)
    const chosen = await choosePorts({ api: [taken, free], worker: [free], stripe: [taken] })
    expect(chosen.api).toBe(free)
    expect(new Set([taken, ...Object.values(chosen)]).size).toBe(4)
  })
})
