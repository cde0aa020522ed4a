import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { ensureCustomerAtProvider, withCustomerAtProvider } from './ensure-customer.ts'
import { createPayers, type PayerSubject } from './payer.ts'

export interface OpenSetupPageInput extends PayerSubject {
  /** Of the update that asked for it: the same when it is asked again. */
  changeId: string
  successUrl: string
  cancelUrl: string
  by: string
  correlationId: string
}

export interface OpenedSetupPage {
  sessionId: string
  setupUrl: string
  /** Milliseconds since 1970. */
  openedAt: number
  expiresAt: number
}

/** Opens a page on which the customer saves a card, once. */
export function createOpenSetupPage(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const payers = createPayers(dependencies)
  return async function openSetupPage(input: OpenSetupPageInput): Promise<OpenedSetupPage> {
    const { projectId, customerId, changeId, successUrl, cancelUrl, by, correlationId } = input
    const { customer } = await payers.read(input)
    const intent = `${customerId}/setup/${changeId}`
    const page = await withCustomerAtProvider(dependencies, customer, async (providerCustomerId) => {
      const opened = await runEffect({
        database,
        effect: { projectId, intent },
        now: now(),
        lookUp: () => provider.findSetupPage({ setupId: changeId, providerCustomerId }),
        call: (effectKey) =>
          provider.openSetupPage(
            { projectId, customerId, providerCustomerId, setupId: changeId, successUrl, cancelUrl },
            effectKey,
          ),
      })
      return { ...opened, providerCustomerId }
    })
    const { sessionId, url, expiresAt, providerCustomerId } = page
    await payers.record({
      projectId,
      customerId,
      by,
      correlationId,
      intent,
      action: 'payment_method.page_opened',
      why: 'A page to save a card was opened at Stripe.',
      stripeIds: [sessionId, providerCustomerId],
    })
    return { sessionId, setupUrl: url, openedAt: now().getTime(), expiresAt }
  }
}

export interface FollowedSetupPage {
  /** Whether the customer may still save a card on it. */
  isOpen: boolean
  openedAt: number
  expiresAt: number
}

/** Looks what came of a page. The card that was saved on it is charged from now on: the customer brought it for that. Done
 *  once for each page, so that a late look does not undo what the customer has chosen since. */
export function createFollowSetupPage(dependencies: ActivityDependencies) {
  const { provider } = dependencies
  const payers = createPayers(dependencies)
  return async function followSetupPage({
    projectId,
    customerId,
    sessionId,
  }: PayerSubject & { sessionId: string }): Promise<FollowedSetupPage> {
    const page = await provider.readSetupPage(sessionId)
    const { status, openedAt, expiresAt, paymentMethodId } = page
    const isOurs = page.customerId === customerId
    const followed = { isOpen: isOurs && status === 'open', openedAt, expiresAt }
    if (!isOurs || status !== 'complete' || paymentMethodId === undefined) return followed

    const intent = `${customerId}/saved/${sessionId}`
    if (await payers.hasHappened({ projectId, intent })) return followed
    const { customer, running } = await payers.read({ projectId, customerId })
    const providerCustomerId = await ensureCustomerAtProvider(dependencies, customer)
    const cards = await provider.listPaymentMethods({ providerCustomerId })
    // Removed before we looked: then there is nothing to charge.
    if (!cards.some((card) => card.paymentMethodId === paymentMethodId)) return followed
    await payers.chargeTo({ paymentMethodId, subscriptions: running, providerCustomerId })
    await payers.record({
      projectId,
      customerId,
      by: 'customer',
      correlationId: sessionId,
      intent,
      action: 'payment_method.added',
      why: 'The customer saved a card on the page of Stripe, to be charged from now on.',
      stripeIds: [paymentMethodId, providerCustomerId, sessionId],
      subscriptions: running,
      after: { is_default: true },
    })
    return followed
  }
}
