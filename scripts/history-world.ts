import type { ActivityDependencies } from '../activities/dependencies.ts'
import type { Database } from '../db/client.ts'
import { BillingError } from '../domain/errors.ts'
import type { PaymentProvider } from '../domain/provider.ts'
import { createScriptedProvider } from '../test/support/scripted-provider.ts'
import { noTicker } from '../test/support/ticker.ts'

export const DAY = 24 * 3_600_000
/** By the clock of the world, so that what is recorded does not depend on the day of the recording. */
export const OPENED_AT = Date.parse('2030-01-01T00:00:00Z')

export type World = ReturnType<typeof createWorld>

/** What the workers of a recording live in: real records, a scripted provider, and troubles that a story turns on. */
export function createWorld(application: Database) {
  const scripted = createScriptedProvider()
  const troubles = { databaseAway: false, stripeForgot: false }
  let openedAt = OPENED_AT
  const remember = <Answer>(answer: Answer): Answer => {
    if (troubles.stripeForgot) throw new BillingError('provider_object_missing')
    return answer
  }
  const provider: PaymentProvider = {
    ...scripted.provider,
    openCheckout: async (request, effectKey) => ({
      ...(await scripted.provider.openCheckout(request, effectKey)),
      expiresAt: openedAt + DAY,
    }),
    readCheckout: async (sessionId) => remember(await scripted.provider.readCheckout(sessionId)),
    readSubscription: async (id) => remember(await scripted.provider.readSubscription(id)),
  }
  const database = new Proxy(application, {
    get(target, key, receiver) {
      if (key === 'transaction' && troubles.databaseAway)
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      return Reflect.get(target, key, receiver) as unknown
    },
  })
  const activities: ActivityDependencies = {
    database,
    provider,
    now: () => new Date(openedAt),
    ticker: noTicker,
  }
  return {
    activities,
    troubles,
    show: scripted.show,
    fail: scripted.fail,
    /** Pages are opened as if at this time. */
    openAt(time: number) {
      openedAt = time
    },
    calm() {
      Object.assign(troubles, { databaseAway: false, stripeForgot: false })
      openedAt = OPENED_AT
    },
  }
}
