/** Flows that need calls the local Stripe has not got yet, with the call each one waits for. */
export const awaitedCalls: Record<string, string> = {
  stripe_can_swap_a_subscription: 'POST /v1/subscriptions/{id}',
  stripe_can_swap_a_subscription_and_reset_billing_cycle: 'POST /v1/subscriptions/{id}',
  stripe_resume_on_grace_period: 'POST /v1/subscriptions/{id}',
}
