import { clientSecretOf, newId } from '../store/ids.ts'
import { paymentMethodConfiguration, type NextAction, type PaymentError } from './payment-intent.ts'
import { paymentMethodsFor } from './payment-method-settings.ts'
import type { Metadata } from './shared.ts'

export type SetupIntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'canceled'
  | 'succeeded'

export interface NewSetupIntent {
  now: number
  allowedPaymentMethodTypes?: string[] | undefined
  customer?: string | null | undefined
  paymentMethod?: string | null | undefined
  description?: string | null | undefined
  metadata?: Metadata
  usage?: 'off_session' | 'on_session' | undefined
  automaticPaymentMethods?: { allow_redirects?: 'always' | 'never'; enabled: boolean } | null
}

export type SetupIntent = ReturnType<typeof newSetupIntent>

export function newSetupIntent(given: NewSetupIntent) {
  const id = newId('seti')
  return {
    id,
    object: 'setup_intent' as const,
    allowed_payment_method_types: given.allowedPaymentMethodTypes ?? null,
    application: null,
    automatic_payment_methods: given.automaticPaymentMethods ?? null,
    cancellation_reason: null as string | null,
    client_secret: clientSecretOf(id),
    created: given.now,
    customer: given.customer ?? null,
    customer_account: null,
    description: given.description ?? null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null as PaymentError | null,
    latest_attempt: null,
    livemode: false,
    mandate: null,
    managed_payments: { enabled: false },
    metadata: given.metadata ?? {},
    next_action: null as NextAction | null,
    on_behalf_of: null,
    payment_method: given.paymentMethod ?? null,
    payment_method_configuration_details: given.automaticPaymentMethods
      ? { id: paymentMethodConfiguration, parent: null }
      : null,
    ...paymentMethodsFor({
      at: 'setup',
      currency: null,
      redirects: given.automaticPaymentMethods?.allow_redirects !== 'never',
      allowed: given.automaticPaymentMethods ? given.allowedPaymentMethodTypes : ['card'],
    }),
    single_use_mandate: null,
    status: (given.paymentMethod ? 'requires_confirmation' : 'requires_payment_method') as SetupIntentStatus,
    usage: given.usage ?? 'off_session',
    hidden: { returnUrl: null as string | null },
  }
}
