import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again and again until there is an answer. That asking fails counts as none: a server may be away.
 *  @throws naming what did not come in time, with the last failure as its cause. */
export async function eventually<Answer>(
  what: string,
  ask: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  { within_ms = 30_000, every_ms = 50 }: { within_ms?: number; every_ms?: number } = {},
): Promise<Answer> {
  const deadline = Date.now() + within_ms
  for (;;) {
    let failure: unknown
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      failure = error
    }
    if (Date.now() > deadline)
      throw new Error(`not within ${within_ms / 1000} s: ${what}`, { cause: failure })
    await sleep(every_ms)
  }
}
