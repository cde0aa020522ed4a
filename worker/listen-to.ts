import type { Connections } from '../db/client.ts'

/** Calls at each message on a channel of Postgres, and each time it has begun to listen: something may have been missed. It
 *  listens again by itself after a lost connection; until then the interval of a loop is what wakes it. */
export function listenTo(
  channel: string,
  call: () => void,
  { systemClient }: Pick<Connections, 'systemClient'>,
) {
  const started = systemClient.listen(channel, call, call)
  return {
    started,
    async stop(): Promise<void> {
      try {
        const subscription = await started
        await subscription.unlisten()
      } catch {
        // The connection is gone, and the subscription with it.
      }
    },
  }
}
