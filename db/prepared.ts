import type postgres from 'postgres'
import { isConnectionLost } from './unavailable.ts'

type Unsafe = postgres.Sql['unsafe']
type Work = (transaction: postgres.Sql) => Promise<unknown>
type Begin = (options: string, work: Work) => Promise<unknown>

/** The same client, with every statement prepared once per connection. Drizzle asks for the opposite, which makes the client
 *  describe each statement before it runs it: two round trips instead of one, and no pipelining. */
export function preparing<Client extends postgres.Sql>(client: Client): Client {
  const unsafe: Unsafe = (query, parameters, options) =>
    client.unsafe(query, parameters, { ...options, prepare: true })
  const begin = (...args: [string, Work] | [Work]) => {
    const [options, work] = args.length === 2 ? args : (['', args[0]] as const)
    return (client.begin as unknown as Begin)(options, (transaction) =>
      endingWithConnection(work(preparing(transaction))),
    )
  }
  return new Proxy(client, {
    get(target, name, receiver) {
      if (name === 'unsafe') return unsafe
      if (name === 'begin') return begin
      return Reflect.get(target, name, receiver) as unknown
    },
  })
}

/** When a connection is lost, the client ends its transaction with that error by itself. Work that failed as well would make
 *  it send a rollback to the connection that is gone, which takes the process down, or, once the connection is made anew, ends
 *  the transaction of whoever has it then (https://github.com/porsager/postgres/issues/1208). So such work never ends.
 *  Work inside a transaction therefore talks to its own connection only. */
async function endingWithConnection(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    if (isConnectionLost(error)) return new Promise(() => {})
    throw error
  }
}
