import { wasTried } from '../db/effects.ts'
import type { SubscriptionRow } from '../db/subscriptions.ts'
import { BillingError } from '../domain/errors.ts'
import type { SubscriptionId } from '../domain/ids.ts'
import { needsCard, type PaymentMethodChange } from '../domain/payment-methods.ts'
import type { PaymentMethod } from '../domain/provider.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { withCustomerAtProvider } from './ensure-customer.ts'
import { type CardsChanged, createPayers, type Payer, type PayerSubject } from './payer.ts'

export interface ChangePaymentMethodInput extends PayerSubject {
  /** Of the update that asked for it: the same when it is asked again. */
  changeId: string
  change: PaymentMethodChange
  by: string
  correlationId: string
}

export interface ChangedPaymentMethod {
  paymentMethodId: string
}

type Asked<Kind extends PaymentMethodChange['kind']> = ChangePaymentMethodInput & {
  change: Extract<PaymentMethodChange, { kind: Kind }>
}

/** Adds a card, removes one, or makes one the one to charge. Safe to repeat: what was done is not done again, even after
 *  somebody has changed it since. One at a time for each customer, which their workflow sees to. */
export function createChangePaymentMethod(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  const payers = createPayers(dependencies)

  return async function changePaymentMethod(input: ChangePaymentMethodInput): Promise<ChangedPaymentMethod> {
    const { change } = input
    switch (change.kind) {
      case 'attach':
        return attach({ ...input, change })
      case 'remove':
        return remove({ ...input, change })
      case 'make_default':
        return makeDefault({ ...input, change })
    }
  }

  async function attach(input: Asked<'attach'>): Promise<ChangedPaymentMethod> {
    const { projectId, customerId, changeId, change } = input
    const payer = await payers.read(input)
    const savedBy = (providerCustomerId: string) => provider.listPaymentMethods({ providerCustomerId })
    const attached = await withCustomerAtProvider(
      dependencies,
      payer.customer,
      async (providerCustomerId) => {
        const paymentMethodId = await runEffect({
          database,
          effect: { projectId, intent: `${customerId}/attach/${changeId}` },
          now: now(),
          lookUp: async () =>
            find(await savedBy(providerCustomerId), change.paymentMethodId)?.paymentMethodId,
          call: (effectKey) =>
            provider.attachPaymentMethod(
              { providerCustomerId, paymentMethodId: change.paymentMethodId },
              effectKey,
            ),
        })
        return { paymentMethodId, providerCustomerId }
      },
    )
    const { paymentMethodId, providerCustomerId } = attached
    const intent = `${customerId}/added/${changeId}`
    if (await payers.hasHappened({ projectId, intent })) return { paymentMethodId }
    const isFirst = (await savedBy(providerCustomerId)).every(
      (card) => card.paymentMethodId === paymentMethodId,
    )
    const isDefault = change.makeDefault || isFirst
    const subscriptions = isDefault ? payer.running : []
    if (isDefault) await payers.chargeTo({ paymentMethodId, subscriptions, providerCustomerId })
    await payers.record({
      ...told(input, [paymentMethodId, providerCustomerId]),
      intent,
      action: 'payment_method.added',
      why: isDefault ? 'A card was added, to be charged from now on.' : 'A backup card was added.',
      subscriptions,
      after: { is_default: isDefault },
    })
    return { paymentMethodId }
  }

  async function makeDefault(input: Asked<'make_default'>): Promise<ChangedPaymentMethod> {
    const { projectId, customerId, changeId, change } = input
    const { paymentMethodId, subscriptionId } = change
    const intent = `${customerId}/made-default/${changeId}`
    if (await payers.hasHappened({ projectId, intent })) return { paymentMethodId }
    const payer = await payers.read(input)
    const providerCustomerId = mustHaveCards(payer)
    if (!find(await provider.listPaymentMethods({ providerCustomerId }), paymentMethodId)) throw notFound()
    const subscriptions = subscriptionId ? [runningOne(payer, subscriptionId)] : payer.running
    await payers.chargeTo({
      paymentMethodId,
      subscriptions,
      ...(!subscriptionId && { providerCustomerId }),
    })
    await payers.record({
      ...told(input, [paymentMethodId, providerCustomerId]),
      intent,
      action: 'payment_method.made_default',
      why: subscriptionId
        ? 'The subscription is charged to another card from now on.'
        : 'Another card is charged from now on.',
      subscriptions,
      ...(subscriptionId && { after: { subscription_id: subscriptionId } }),
    })
    return { paymentMethodId }
  }

  async function remove(input: Asked<'remove'>): Promise<ChangedPaymentMethod> {
    const { projectId, customerId, change } = input
    const { paymentMethodId } = change
    const payer = await payers.read(input)
    const providerCustomerId = mustHaveCards(payer)
    // A card that was removed never comes back under its id, so the id names the removal.
    const effect = { projectId, intent: `${customerId}/remove/${paymentMethodId}` }
    const saved = () => provider.listPaymentMethods({ providerCustomerId })
    const cards = await saved()
    let orphaned: SubscriptionRow[] = []
    if (find(cards, paymentMethodId)) {
      const [next] = cards.filter((card) => card.paymentMethodId !== paymentMethodId)
      if (next) orphaned = await passOn(payer, { providerCustomerId, cards, from: paymentMethodId, to: next })
      else refuseIfNeeded(payer)
      await runEffect({
        database,
        effect,
        now: now(),
        lookUp: async () => (find(await saved(), paymentMethodId) ? undefined : true),
        call: async (effectKey) => {
          await provider.detachPaymentMethod(paymentMethodId, effectKey)
          return true
        },
      })
    } else if (!(await wasTried(database, effect))) {
      throw notFound()
    }
    await payers.record({
      ...told(input, [paymentMethodId, providerCustomerId]),
      intent: `${customerId}/removed/${paymentMethodId}`,
      action: 'payment_method.removed',
      why: 'The card was removed: what was charged to it is charged to the next.',
      subscriptions: orphaned,
    })
    return { paymentMethodId }
  }

  /** What is charged to a card that goes is charged to the next one, before it goes: at no moment is there none.
   *  @returns the subscriptions that this concerns. */
  async function passOn(
    payer: Payer,
    change: { providerCustomerId: string; cards: PaymentMethod[]; from: string; to: PaymentMethod },
  ): Promise<SubscriptionRow[]> {
    const { providerCustomerId, cards, from, to } = change
    const orphaned: SubscriptionRow[] = []
    for (const subscription of payer.running) {
      const ofThis = await provider.listPaymentMethods({
        providerCustomerId,
        providerSubscriptionId: subscription.stripeSubscriptionId,
      })
      if (find(ofThis, from)?.isDefault) orphaned.push(subscription)
    }
    await payers.chargeTo({
      paymentMethodId: to.paymentMethodId,
      subscriptions: orphaned,
      ...(find(cards, from)?.isDefault && { providerCustomerId }),
    })
    return orphaned
  }
}

const find = (cards: PaymentMethod[], paymentMethodId: string) =>
  cards.find((card) => card.paymentMethodId === paymentMethodId)

/** @throws BillingError for a subscription of somebody else, and for one that has ended. */
function runningOne({ subscriptions }: Payer, subscriptionId: SubscriptionId): SubscriptionRow {
  const found = subscriptions.find((one) => one.subscriptionId === subscriptionId)
  if (!found)
    throw new BillingError('not_found', { detail: `This user has no subscription ${subscriptionId}.` })
  if (found.status === 'canceled')
    throw new BillingError('subscription_ended', {
      detail: 'The subscription has ended, so nothing is charged for it any more. Leave subscription_id out.',
    })
  return found
}

function refuseIfNeeded({ subscriptions }: Payer): void {
  const needing = subscriptions.find(needsCard)
  if (!needing) return
  throw new BillingError('last_payment_method', {
    detail: `Subscription ${needing.subscriptionId} is charged to it and there is no other. Add another card first and then remove this one, or cancel the subscription.`,
    facts: { subscription_id: needing.subscriptionId },
  })
}

function mustHaveCards({ customer }: Payer): string {
  if (customer.stripeCustomerId === null) throw notFound()
  return customer.stripeCustomerId
}

const notFound = () => new BillingError('payment_method_not_found')

const told = (
  { projectId, customerId, by, correlationId }: ChangePaymentMethodInput,
  stripeIds: string[],
): Pick<CardsChanged, 'projectId' | 'customerId' | 'by' | 'correlationId' | 'stripeIds'> => ({
  projectId,
  customerId,
  by,
  correlationId,
  stripeIds,
})
