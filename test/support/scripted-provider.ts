import type { CheckoutSnapshot } from '../../domain/checkout.ts'
import { BillingError } from '../../domain/errors.ts'
import type {
  OpenedCheckout,
  PaymentProvider,
  ProviderPrice,
  SetupPageSnapshot,
} from '../../domain/provider.ts'
import type { SubscriptionSnapshot } from '../../domain/subscription.ts'
import { createScriptedBilling } from './scripted-billing.ts'

/** How an answer goes wrong: before anything happened, after it happened, or as a stored failure or refusal that is replayed. */
export type Fault = 'refused_connection' | 'lost_answer' | 'stored_failure' | 'stored_refusal'

/** A provider that keeps Stripe's promises about effect keys, and can fail at a chosen call, for what the local Stripe
 *  cannot be made to show at one exact moment: a forgotten key, a failure that is replayed. */
export function createScriptedProvider() {
  const faults: { call: string; fault: Fault }[] = []
  const answersByKey = new Map<string, { result?: unknown; failure?: BillingError }>()
  const made = { customers: [] as string[], prices: [] as string[], sessions: [] as string[] }
  const ownersOf = new Map<string, string>()
  /** Customers that somebody has deleted. */
  const deleted = new Set<string>()
  let checkout: CheckoutSnapshot | undefined
  let setupPage: SetupPageSnapshot | undefined

  function nextFault(call: string): Fault | undefined {
    const index = faults.findIndex((candidate) => candidate.call === call)
    return index < 0 ? undefined : faults.splice(index, 1)[0]?.fault
  }
  function connect(call: string): void {
    if (nextFault(call) !== undefined) throw new BillingError('provider_unavailable')
  }
  function effect<Result>(call: string, key: string, make: () => Result): Result {
    const replayed = answersByKey.get(key)
    if (replayed?.failure) throw replayed.failure
    const fault = nextFault(call)
    if (fault === 'refused_connection') throw new BillingError('provider_unavailable')
    if (fault === 'stored_failure' || fault === 'stored_refusal') {
      const failure = new BillingError(fault === 'stored_failure' ? 'provider_failed' : 'provider_refused')
      answersByKey.set(key, { failure })
      throw failure
    }
    const result = replayed ? (replayed.result as Result) : answered(key, make)
    answersByKey.set(key, { result })
    if (fault === 'lost_answer') throw new BillingError('provider_unavailable')
    return result
  }
  /** A refusal is kept like any other answer. */
  function answered<Result>(key: string, make: () => Result): Result {
    try {
      return make()
    } catch (error) {
      if (error instanceof BillingError) answersByKey.set(key, { failure: error })
      throw error
    }
  }
  const make = (list: string[], prefix: string, owner: string) => {
    const id = `${prefix}_${list.length + 1}_${owner.slice(-6)}`
    list.push(id)
    ownersOf.set(owner, id)
    return id
  }
  const session = (sessionId: string): OpenedCheckout => ({
    sessionId,
    url: `http://127.0.0.1/pay/${sessionId}`,
    expiresAt: Date.parse('2030-01-02T00:00:00Z'),
  })

  const billing = createScriptedBilling({ connect, effect })
  const provider: PaymentProvider = {
    ...billing.provider,
    ...notScripted,
    createCustomer: async ({ customerId }, key) =>
      effect('createCustomer', key, () => make(made.customers, 'cus', customerId)),
    findCustomer: async (customerId) => ownersOf.get(customerId),
    createPrice: async ({ item }, key) =>
      effect('createPrice', key, (): ProviderPrice => {
        const owner = item.kind === 'plan' ? item.plan.id : item.product.id
        return { priceId: make(made.prices, 'price', owner), productId: `prod_${owner}` }
      }),
    findPrice: async ({ item }) => {
      const owner = item.kind === 'plan' ? item.plan.id : item.product.id
      const priceId = ownersOf.get(owner)
      return priceId === undefined ? undefined : { priceId, productId: `prod_${owner}` }
    },
    isCustomerThere: async (id) => !deleted.has(id),
    openCheckout: async ({ paymentId, providerCustomerId }, key) => {
      if (deleted.has(providerCustomerId)) throw new BillingError('provider_object_missing')
      return session(effect('openCheckout', key, () => make(made.sessions, 'cs', paymentId)))
    },
    findCheckout: async ({ paymentId }) => {
      const found = ownersOf.get(paymentId)
      return found === undefined ? undefined : session(found)
    },
    readCheckout: async () => {
      connect('readCheckout')
      if (!checkout) throw new BillingError('provider_object_missing')
      return checkout
    },
    openSetupPage: async ({ setupId }, key) =>
      session(effect('openSetupPage', key, () => make(made.sessions, 'cs', setupId))),
    findSetupPage: async ({ setupId }) => {
      const found = ownersOf.get(setupId)
      return found === undefined ? undefined : session(found)
    },
    readSetupPage: async () => {
      connect('readSetupPage')
      if (!setupPage) throw new BillingError('provider_object_missing')
      return setupPage
    },
  }
  return {
    provider,
    made,
    deleted,
    billing,
    /** The next call of this name goes wrong in this way. */
    fail: (call: string, fault: Fault) => faults.push({ call, fault }),
    /** As Stripe does after 24 hours. */
    forgetKeys: () => answersByKey.clear(),
    show: (seen: {
      checkout?: CheckoutSnapshot
      subscription?: SubscriptionSnapshot
      setupPage?: SetupPageSnapshot
    }) => {
      checkout = seen.checkout ?? checkout
      setupPage = seen.setupPage ?? setupPage
      if (seen.subscription) billing.show(seen.subscription)
    },
  }
}

const refuse = async (): Promise<never> => {
  throw new Error('refunds are tried on the local Stripe')
}
const notScripted = {
  readCharge: refuse,
  createRefund: refuse,
  findRefund: refuse,
  readRefund: refuse,
  createCreditNote: refuse,
  findCreditNote: refuse,
  readDispute: refuse,
}
