import type { ChargeAttempt } from '../../domain/checkout.ts'
import { BillingError } from '../../domain/errors.ts'
import type {
  CardCharge,
  ChangeRequest,
  ChargeAnswer,
  PaymentProvider,
  ResumeAnswer,
} from '../../domain/provider.ts'
import type { InvoiceSnapshot, SubscriptionSnapshot } from '../../domain/subscription.ts'
import { brl, invoiceSeen } from './snapshots.ts'

/** A saved card, and what its bank answers. */
export interface ScriptedCard {
  paymentMethodId: string
  /** `pays`, `needs_customer`, or the code it is declined with. */
  answer: string
  adviceCode?: string
  addedAt?: number
  isDefault?: boolean
}

/** How a call is made to fail: see `scripted-provider.ts`. */
export interface Wires {
  connect(call: string): void
  effect<Result>(call: string, key: string, make: () => Result): Result
}

type BillingPort = Omit<
  PaymentProvider,
  | 'createCustomer'
  | 'findCustomer'
  | 'isCustomerThere'
  | 'createPrice'
  | 'findPrice'
  | 'openCheckout'
  | 'findCheckout'
  | 'readCheckout'
  | 'openSetupPage'
  | 'findSetupPage'
  | 'readSetupPage'
  | 'readCharge'
  | 'createRefund'
  | 'findRefund'
  | 'readRefund'
  | 'createCreditNote'
  | 'findCreditNote'
  | 'readDispute'
>

const HOUR = 3_600_000

/** Subscriptions, invoices and cards as a script shows them, and as they become by what is done to them. */
export function createScriptedBilling({ connect, effect }: Wires) {
  const subscriptions = new Map<string, SubscriptionSnapshot>()
  const invoices = new Map<string, InvoiceSnapshot>()
  const clocks = new Map<string, string>()
  const state = {
    /** What time it is at the provider. */
    at: Date.parse('2030-01-01T10:00:00Z'),
    cards: [] as ScriptedCard[],
    /** Each charge that went through. */
    charges: [] as { invoiceId: string; paymentMethodId: string }[],
    /** Each card that was asked, in order. */
    tries: [] as { invoiceId: string; paymentMethodId: string; at: number }[],
    /** Each charge of a card for which there is no invoice, whatever came of it, by what it was for. */
    cardCharges: new Map<string, CardCharge>(),
    /** Each pause, with what it was to credit. */
    pauses: [] as { creditsUnused: boolean }[],
    /** Invoices whose retries are ours. */
    takenOver: [] as string[],
  }

  const subscription = (id: string): SubscriptionSnapshot => {
    const found = subscriptions.get(id)
    if (!found) throw new BillingError('provider_object_missing')
    const latest = found.latestInvoice && invoices.get(found.latestInvoice.invoiceId)
    return { ...found, ...(latest && { latestInvoice: latest }) }
  }
  const change = (id: string, columns: Partial<SubscriptionSnapshot>): void => {
    show({ ...subscription(id), ...columns })
  }
  const invoice = (id: string): InvoiceSnapshot => {
    const found = invoices.get(id)
    if (!found) throw new BillingError('provider_object_missing')
    return found
  }
  const show = (seen: SubscriptionSnapshot): void => {
    subscriptions.set(seen.stripeSubscriptionId, seen)
    if (seen.latestInvoice) invoices.set(seen.latestInvoice.invoiceId, seen.latestInvoice)
  }
  const inOrder = () =>
    state.cards.toSorted(
      (one, other) =>
        Number(other.isDefault ?? false) - Number(one.isDefault ?? false) ||
        (one.addedAt ?? 0) - (other.addedAt ?? 0),
    )
  const defaultAnswer = () => inOrder()[0]?.answer ?? 'pays'

  const makeDefault = (paymentMethodId: string) => {
    for (const card of state.cards) card.isDefault = card.paymentMethodId === paymentMethodId
  }

  /** The subscription whose latest invoice it is catches up, as Stripe's status follows the latest invoice. */
  function settle(invoiceId: string): void {
    for (const { stripeSubscriptionId, status, latestInvoice } of subscriptions.values()) {
      const isBehind = status === 'past_due' || status === 'unpaid'
      if (isBehind && latestInvoice?.invoiceId === invoiceId)
        change(stripeSubscriptionId, { status: 'active' })
    }
  }

  function charge(invoiceId: string, paymentMethodId: string): ChargeAnswer {
    const { attempts = [], ...open } = invoice(invoiceId)
    const card = state.cards.find((candidate) => candidate.paymentMethodId === paymentMethodId)
    if (open.status !== 'open' || !card) throw new BillingError('provider_refused')
    state.tries.push({ invoiceId, paymentMethodId, at: state.at })
    if (card.answer === 'pays') {
      state.charges.push({ invoiceId, paymentMethodId })
      invoices.set(invoiceId, { ...open, status: 'paid', amountPaid: open.amountDue, paidAt: state.at })
      settle(invoiceId)
      return { outcome: 'succeeded' }
    }
    // What needs the customer's bank leaves no failed charge.
    if (card.answer === 'needs_customer')
      return { outcome: 'needs_customer', declineCode: 'authentication_required' }
    const codes = { declineCode: card.answer, ...(card.adviceCode && { adviceCode: card.adviceCode }) }
    const failed: ChargeAttempt = {
      stripeChargeId: `ch_${invoiceId}_${state.tries.length}`,
      money: open.amountDue,
      outcome: 'failed',
      ...codes,
      paymentMethodId,
      attemptedAt: state.at,
    }
    invoices.set(invoiceId, { ...open, attempted: true, attempts: [...attempts, failed] })
    return { outcome: 'declined', ...codes, chargeId: failed.stripeChargeId }
  }

  function sell({ providerSubscriptionId, providerPriceId, quantity }: ChangeRequest): void {
    change(providerSubscriptionId, {
      priceId: providerPriceId,
      quantity,
      latestInvoice: invoiceSeen({
        invoiceId: `in_change_${providerPriceId}_${quantity}`,
        billingReason: 'subscription_update',
        paidAt: state.at,
      }),
    })
  }

  const provider: BillingPort = {
    chargeCard: async ({ paymentId, paymentMethodId, amount }, key) =>
      effect('chargeCard', key, () => {
        const card = state.cards.find((candidate) => candidate.paymentMethodId === paymentMethodId)
        if (!card) throw new BillingError('provider_refused')
        // A second charge for the same would be the mistake that these tests look for.
        const number = state.cardCharges.size + 1
        const failure = card.answer === 'pays' ? undefined : card.answer
        const charge: CardCharge = {
          stripePaymentIntentId: `pi_${number}`,
          outcome: failure === undefined ? 'succeeded' : 'declined',
          ...(failure !== undefined && { declineCode: failure }),
          attempts: [
            {
              stripeChargeId: `ch_card_${number}`,
              money: amount,
              outcome: failure === undefined ? 'succeeded' : 'failed',
              ...(failure !== undefined && { declineCode: failure }),
              paymentMethodId,
              attemptedAt: state.at,
            },
          ],
        }
        if (state.cardCharges.has(paymentId)) throw new Error(`${paymentId} is charged twice`)
        state.cardCharges.set(paymentId, charge)
        return charge
      }),
    findCardCharge: async ({ paymentId }) => {
      connect('findCardCharge')
      return state.cardCharges.get(paymentId)
    },
    readSubscription: async (id) => {
      connect('readSubscription')
      return subscription(id)
    },
    readInvoice: async (id) => {
      connect('readInvoice')
      return invoice(id)
    },
    listInvoices: async () => [...invoices.values()],
    listPaidInvoices: async () => [],
    takeOverInvoice: async (invoiceId) => {
      connect('takeOverInvoice')
      state.takenOver.push(invoiceId)
    },
    payInvoice: async ({ invoiceId, paymentMethodId }, key) =>
      effect('payInvoice', key, () => charge(invoiceId, paymentMethodId)),
    voidInvoice: async (invoiceId) => {
      connect('voidInvoice')
      const { attempts: _gone, ...seen } = invoice(invoiceId)
      if (seen.status === 'paid') return 'paid'
      invoices.set(invoiceId, { ...seen, status: 'void' })
      settle(invoiceId)
      return 'void'
    },
    listPaymentMethods: async () => {
      connect('listPaymentMethods')
      return inOrder().map(({ paymentMethodId, addedAt = 0, isDefault = false }) => ({
        paymentMethodId,
        brand: 'visa',
        last4: '4242',
        expiryMonth: 12,
        expiryYear: 2040,
        addedAt,
        isDefault,
      }))
    },
    chargeRenewalsTo: async ({ paymentMethodId }) => {
      connect('chargeRenewalsTo')
      makeDefault(paymentMethodId)
    },
    setDefaultPaymentMethod: async ({ paymentMethodId }) => {
      connect('setDefaultPaymentMethod')
      makeDefault(paymentMethodId)
    },
    attachPaymentMethod: async ({ paymentMethodId }, key) =>
      effect('attachPaymentMethod', key, () => {
        state.cards.push({ paymentMethodId, answer: 'pays', addedAt: state.at })
        return paymentMethodId
      }),
    detachPaymentMethod: async (paymentMethodId, key) =>
      effect('detachPaymentMethod', key, () => {
        state.cards = state.cards.filter((card) => card.paymentMethodId !== paymentMethodId)
      }),
    previewChange: async () => ({ amountDue: brl(20_000), lines: [] }),
    changeNow: async (request, key) =>
      effect('changeNow', key, () => {
        if (defaultAnswer() === 'needs_customer') return 'authenticate'
        if (defaultAnswer() !== 'pays')
          throw new BillingError('card_declined', { facts: { decline_code: defaultAnswer() } })
        sell(request)
        return 'changed'
      }),
    changeWhenPaid: async ({ providerSubscriptionId }, key) =>
      effect('changeWhenPaid', key, () => {
        change(providerSubscriptionId, { hasPendingUpdate: true })
        return { payUrl: 'http://127.0.0.1/confirm', lapsesAt: state.at + 23 * HOUR }
      }),
    changeAtPeriodEnd: async ({ providerSubscriptionId }, key) =>
      effect('changeAtPeriodEnd', key, () => change(providerSubscriptionId, { scheduleId: 'sub_sched_1' })),
    dropPendingChange: async (id) => {
      connect('dropPendingChange')
      const { scheduleId: _released, ...rest } = subscription(id)
      show({ ...rest, hasPendingUpdate: false })
    },
    setCancelAtPeriodEnd: async (id, cancelAtPeriodEnd) => {
      connect('setCancelAtPeriodEnd')
      change(id, { cancelAtPeriodEnd })
    },
    cancelNow: async (id) => {
      connect('cancelNow')
      if (subscription(id).status !== 'canceled') change(id, { status: 'canceled', endedAt: state.at })
    },
    listOpenInvoices: async (id) => {
      const { latestInvoice } = subscription(id)
      return latestInvoice?.status === 'open' || latestInvoice?.status === 'draft'
        ? [latestInvoice.invoiceId]
        : []
    },
    pause: async ({ providerSubscriptionId, creditsUnused }, key) =>
      effect('pause', key, () => {
        state.pauses.push({ creditsUnused })
        change(providerSubscriptionId, { status: 'paused' })
      }),
    resume: async (id, key) =>
      effect('resume', key, (): ResumeAnswer => {
        if (defaultAnswer() === 'needs_customer')
          return {
            outcome: 'authenticate',
            invoiceId: 'in_resume',
            due: brl(9900),
            payUrl: 'http://127.0.0.1/confirm',
          }
        if (defaultAnswer() !== 'pays') return { outcome: 'declined' }
        change(id, { status: 'active' })
        return { outcome: 'resumed' }
      }),
    createTestClock: async ({ clockId }, key) =>
      effect('createTestClock', key, () => {
        clocks.set(clockId, `clock_${clocks.size + 1}`)
        return clocks.get(clockId) ?? ''
      }),
    findTestClock: async (clockId) => clocks.get(clockId),
    advanceTestClock: async ({ to, onProgress }) => {
      connect('advanceTestClock')
      onProgress()
      state.at = to
    },
  }
  return {
    provider,
    state,
    show,
    showInvoice: (seen: InvoiceSnapshot) => void invoices.set(seen.invoiceId, seen),
    subscription,
    invoice,
  }
}
