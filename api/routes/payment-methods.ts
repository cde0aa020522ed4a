import { randomBytes } from 'node:crypto'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { type CustomerRow, ensureCustomer, findCustomerOfUser } from '../../db/customers.ts'
import { findProject } from '../../db/projects.ts'
import { listSubscriptions } from '../../db/subscriptions.ts'
import { BillingError } from '../../domain/errors.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { PaymentMethodChange } from '../../domain/payment-methods.ts'
import type { PaymentMethod } from '../../domain/provider.ts'
import type { CallerEnv } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { missingUrl } from '../resolve-purchase.ts'
import {
  customerParams,
  defaultInput,
  isPaymentMethodId,
  newPaymentMethod,
  paymentMethodPage,
  paymentMethodParams,
  paymentMethodShown,
  setupPage,
} from '../schemas/payment-methods.ts'
import { commandProblems, readProblems } from '../schemas/problem.ts'

const tags = ['Payment methods']

/** The cards of a user: what is charged, and in which order. Each change goes through the user's workflow. */
export function paymentMethodRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, orchestrator, livemode } = dependencies
  const managing = forProject(dependencies, 'manage_subscriptions')
  const repeatable = idempotent(dependencies)

  app.openapi(
    createRoute({
      method: 'get',
      path: '/customers/{user_id}/payment-methods',
      tags,
      summary: 'The cards of a user, in the order in which they are charged',
      description: 'A user who never saved a card has none; that is no error.',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: customerParams },
      responses: {
        200: { description: 'All cards.', content: { 'application/json': { schema: paymentMethodPage } } },
        ...readProblems,
        502: commandProblems[502],
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const cards = await listCards(projectId, c.req.valid('param').user_id)
      return c.json({ data: cards.map(showCard), next_cursor: null }, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/customers/{user_id}/payment-methods',
      tags,
      summary: 'Let a user save a card, or add one that Stripe knows',
      description:
        'Without `payment_method_id`: the address of a page of Stripe on which the user saves a card, which is charged from then on. With it: the card is added, as a backup unless it is the first or `default`. Either way a new card is tried at once on what is unpaid.',
      middleware: [managing, repeatable] as const,
      request: {
        params: customerParams,
        body: { required: true, content: { 'application/json': { schema: newPaymentMethod } } },
      },
      responses: {
        201: {
          description: 'The page is open, or the card is added.',
          content: { 'application/json': { schema: z.union([setupPage, paymentMethodShown]) } },
        },
        ...commandProblems,
      },
    }),
    async (c) => {
      const { tenant, seed, correlationId } = c.var
      const { projectId, actor } = tenant
      const { user_id: userId } = c.req.valid('param')
      const { payment_method_id, default: makeDefault = false, ...urls } = c.req.valid('json')
      const updateId = seed.toString('hex')
      const requested = { by: actor, correlationId }
      if (payment_method_id === undefined) {
        const returnUrls = await returnUrlsOf(projectId, urls)
        const customer = await customerOf(projectId, userId)
        const { setupUrl } = await orchestrator.openSetupPage(
          customer,
          { ...returnUrls, ...requested },
          updateId,
        )
        return c.json({ setup_url: setupUrl }, 201)
      }
      const customer = await customerOf(projectId, userId)
      const change = { kind: 'attach' as const, paymentMethodId: payment_method_id, makeDefault }
      const { paymentMethodId } = await orchestrator.changePaymentMethod(
        customer,
        { change, ...requested },
        updateId,
      )
      return c.json(await showOne(projectId, userId, paymentMethodId), 201)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/customers/{user_id}/payment-methods/{payment_method_id}/default',
      tags,
      summary: 'Have a card charged from now on',
      description:
        'For everything the user has, or for one subscription. It is tried at once on what is unpaid.',
      middleware: [managing, repeatable] as const,
      request: {
        params: paymentMethodParams,
        body: { required: true, content: { 'application/json': { schema: defaultInput } } },
      },
      responses: {
        200: { description: 'Done.', content: { 'application/json': { schema: paymentMethodShown } } },
        ...commandProblems,
      },
    }),
    async (c) => {
      const { tenant, seed, correlationId } = c.var
      const { projectId, actor } = tenant
      const { user_id: userId, payment_method_id: paymentMethodId } = c.req.valid('param')
      const { subscription_id: subscriptionId } = c.req.valid('json')
      const change: PaymentMethodChange = {
        kind: 'make_default',
        paymentMethodId,
        ...(subscriptionId !== undefined && { subscriptionId }),
      }
      await orchestrator.changePaymentMethod(
        await mustFindCustomer(projectId, userId, paymentMethodId),
        { change, by: actor, correlationId },
        seed.toString('hex'),
      )
      return c.json(await showOne(projectId, userId, paymentMethodId), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/customers/{user_id}/payment-methods/{payment_method_id}',
      tags,
      summary: 'Remove a card',
      description:
        'What is charged to it is charged to the next one. The last card of a user with a subscription that is still to be charged stays. Removing it again changes nothing.',
      middleware: [managing] as const,
      request: { params: paymentMethodParams },
      responses: { 204: { description: 'The card is gone.' }, ...commandProblems },
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { projectId, actor } = tenant
      const { user_id: userId, payment_method_id: paymentMethodId } = c.req.valid('param')
      await orchestrator.changePaymentMethod(
        await mustFindCustomer(projectId, userId, paymentMethodId),
        { change: { kind: 'remove', paymentMethodId }, by: actor, correlationId },
        // Asked again after a refusal, it is to be looked at again.
        randomBytes(16).toString('hex'),
      )
      return c.body(null, 204)
    },
  )

  /** In the order in which they are charged. Checkout gives a subscription its card and leaves the customer without a default:
   *  then it is what the oldest subscription is charged to. */
  async function listCards(projectId: ProjectId, userId: string): Promise<PaymentMethod[]> {
    const { customer, subscriptions } = await inProject(application, projectId, async (transaction) => ({
      customer: await findCustomerOfUser(transaction, projectId, { userId, livemode }),
      subscriptions: await listSubscriptions(transaction, projectId, userId, livemode),
    }))
    if (!customer?.stripeCustomerId) return []
    const providerCustomerId = customer.stripeCustomerId
    const cards = await dependencies.provider.listPaymentMethods({ providerCustomerId })
    const oldest = subscriptions.find(({ subscription }) => subscription.status !== 'canceled')
    if (!oldest || cards.some(({ isDefault }) => isDefault)) return cards
    const { stripeSubscriptionId: providerSubscriptionId } = oldest.subscription
    return dependencies.provider.listPaymentMethods({ providerCustomerId, providerSubscriptionId })
  }

  async function showOne(projectId: ProjectId, userId: string, paymentMethodId: string) {
    const cards = await listCards(projectId, userId)
    const found = cards.find((card) => card.paymentMethodId === paymentMethodId)
    if (!found) throw new BillingError('payment_method_not_found')
    return showCard(found)
  }

  /** A user may save a card before they buy anything. */
  function customerOf(projectId: ProjectId, userId: string): Promise<CustomerRow> {
    return inProject(application, projectId, (transaction) =>
      ensureCustomer(transaction, { projectId, userId, email: undefined, livemode, clockId: undefined }),
    )
  }

  /** @throws BillingError `payment_method_not_found` for a user without any, and for what can be no card: their workflow works off
   *  one change after the other, and must not be given what nothing can be done about. */
  async function mustFindCustomer(
    projectId: ProjectId,
    userId: string,
    paymentMethodId: string,
  ): Promise<CustomerRow> {
    if (!isPaymentMethodId(paymentMethodId)) throw new BillingError('payment_method_not_found')
    const customer = await inProject(application, projectId, (transaction) =>
      findCustomerOfUser(transaction, projectId, { userId, livemode }),
    )
    if (!customer) throw new BillingError('payment_method_not_found')
    return customer
  }

  async function returnUrlsOf(
    projectId: ProjectId,
    { success_url, cancel_url }: { success_url?: string | undefined; cancel_url?: string | undefined },
  ): Promise<{ successUrl: string; cancelUrl: string }> {
    const project = await inProject(application, projectId, (transaction) =>
      findProject(transaction, projectId),
    )
    const successUrl = success_url ?? project?.successUrl
    const cancelUrl = cancel_url ?? project?.cancelUrl
    if (successUrl && cancelUrl) return { successUrl, cancelUrl }
    throw new BillingError('invalid_request', {
      fields: [
        ...(successUrl ? [] : [missingUrl('success_url')]),
        ...(cancelUrl ? [] : [missingUrl('cancel_url')]),
      ],
    })
  }
}

const showCard = (card: PaymentMethod): z.infer<typeof paymentMethodShown> => ({
  payment_method_id: card.paymentMethodId,
  brand: card.brand,
  last4: card.last4,
  exp_month: card.expiryMonth,
  exp_year: card.expiryYear,
  is_default: card.isDefault,
})
