import type { Route } from '../http/router.ts'
import { accountRoutes } from './account.ts'
import { balanceRoutes, payoutRoutes } from './balance.ts'
import { chargeRoutes } from './charges.ts'
import { invoicePaymentRoutes } from './invoice-payments.ts'
import { invoiceRoutes } from './invoices.ts'
import { checkoutSessionRoutes } from './checkout-sessions.ts'
import { couponRoutes } from './coupons.ts'
import { creditNoteRoutes } from './credit-notes.ts'
import { customerBalanceRoutes } from './customer-balance.ts'
import { customerRoutes } from './customers.ts'
import { disputeRoutes, earlyFraudWarningRoutes } from './disputes.ts'
import { eventRoutes } from './events.ts'
import { invoicePreviewRoutes } from './invoice-preview.ts'
import { invoiceItemRoutes } from './invoice-items.ts'
import { paymentIntentRoutes } from './payment-intents.ts'
import { paymentMethodRoutes } from './payment-methods.ts'
import { planRoutes } from './plans.ts'
import { priceRoutes } from './prices.ts'
import { productRoutes } from './products.ts'
import { refundRoutes } from './refunds.ts'
import { setupIntentRoutes } from './setup-intents.ts'
import { subscriptionCreationRoutes } from './subscription-creation.ts'
import { subscriptionPauseRoutes } from './subscription-pauses.ts'
import { subscriptionScheduleRoutes } from './subscription-schedules.ts'
import { subscriptionUpdateRoutes } from './subscription-updates.ts'
import { subscriptionRoutes } from './subscriptions.ts'
import { taxRateRoutes } from './tax-rates.ts'
import { testClockRoutes } from './test-clocks.ts'
import { webhookEndpointRoutes } from './webhook-endpoints.ts'

/** Every call of Stripe's API that is served. */
export const routes: Route[] = [
  ...accountRoutes,
  ...balanceRoutes,
  ...chargeRoutes,
  ...checkoutSessionRoutes,
  ...couponRoutes,
  ...creditNoteRoutes,
  ...customerBalanceRoutes,
  ...customerRoutes,
  ...disputeRoutes,
  ...earlyFraudWarningRoutes,
  ...eventRoutes,
  ...invoiceItemRoutes,
  ...invoicePaymentRoutes,
  ...invoicePreviewRoutes,
  ...invoiceRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...payoutRoutes,
  ...planRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...refundRoutes,
  ...setupIntentRoutes,
  ...subscriptionRoutes,
  ...subscriptionCreationRoutes,
  ...subscriptionPauseRoutes,
  ...subscriptionScheduleRoutes,
  ...subscriptionUpdateRoutes,
  ...taxRateRoutes,
  ...testClockRoutes,
  ...webhookEndpointRoutes,
]
