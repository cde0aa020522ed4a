import { route } from '../http/router.ts'

/** The one account there is. */
const shownAccount = {
  id: 'acct_1LocalStripeAccount',
  object: 'account',
  business_type: null,
  capabilities: { card_payments: 'active', transfers: 'active' },
  charges_enabled: true,
  controller: { type: 'account' },
  country: 'US',
  default_currency: 'usd',
  details_submitted: true,
  email: 'owner@example.com',
  metadata: {},
  payouts_enabled: true,
  type: 'standard',
}

export const accountRoutes = [route('GET', '/v1/account', {}, () => shownAccount)]
