import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The site of a project's own, to which customers come back. */
export interface Shop {
  returnUrls: { success_url: string; cancel_url: string }
  thanks: RegExp
  basket: RegExp
  close(): Promise<void>
}

export async function openShop(): Promise<Shop> {
  const server = createServer((request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<h1>${new URL(request.url ?? '/', 'http://shop').pathname}</h1>`)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    returnUrls: {
      success_url: `${url}/thanks?session={CHECKOUT_SESSION_ID}`,
      cancel_url: `${url}/basket`,
    },
    thanks: new RegExp(`^${url}/thanks\\?session=cs_`),
    basket: new RegExp(`^${url}/basket$`),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
