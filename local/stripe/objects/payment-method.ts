import { newId, randomText } from '../store/ids.ts'
import { addressOf, type Address, type Metadata } from './shared.ts'
import { testCard, type Decline, type TestCard } from './test-cards.ts'

export interface BillingDetails {
  address: Address
  email: string | null
  name: string | null
  phone: string | null
  tax_id: string | null
}

export interface NewPaymentMethod {
  now: number
  card: TestCard
  expMonth?: number | undefined
  expYear?: number | undefined
  cvcChecked?: boolean
  billing?: Partial<BillingDetails> | undefined
  metadata?: Metadata
}

export type PaymentMethod = ReturnType<typeof newPaymentMethod>

export function newPaymentMethod({
  now,
  card,
  expMonth,
  expYear,
  cvcChecked = true,
  billing,
  metadata,
}: NewPaymentMethod) {
  const today = new Date(now * 1000)
  return {
    id: newId('pm'),
    object: 'payment_method' as const,
    allow_redisplay: 'unspecified' as 'unspecified' | 'limited' | 'always',
    billing_details: {
      address: billing?.address ?? addressOf({}),
      email: billing?.email ?? null,
      name: billing?.name ?? null,
      phone: billing?.phone ?? null,
      tax_id: billing?.tax_id ?? null,
    },
    card: {
      brand: card.brand,
      checks: {
        address_line1_check: null,
        address_postal_code_check: null,
        cvc_check: cvcChecked ? (card.cvcCheck ?? 'pass') : null,
      },
      country: card.country,
      display_brand: card.brand === 'amex' ? 'american_express' : card.brand,
      exp_month: expMonth ?? today.getUTCMonth() + 1,
      exp_year: expYear ?? today.getUTCFullYear() + 1,
      fingerprint: fingerprintOf(card.number),
      funding: card.funding,
      generated_from: null,
      last4: card.number.slice(-4),
      networks: { available: [card.brand], preferred: null },
      regulated_status: 'unregulated',
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: now,
    customer: null as string | null,
    customer_account: null,
    livemode: false,
    metadata: metadata ?? {},
    type: 'card' as const,
    hidden: {
      /** The number decides how the card behaves. */
      number: card.number,
      /** What charges are declined with instead of what the number says. */
      decline: null as Decline | null,
      /** Set once the customer has authenticated for later payments without them. */
      authenticatedForLater: false,
    },
  }
}

/** How a charge of a card is declined; nothing when it goes through. */
export const declineOf = ({ hidden }: PaymentMethod): Decline | undefined =>
  hidden.decline ?? testCard(hidden.number).decline

const fingerprints = new Map<string, string>()

/** The same card has the same fingerprint, whoever holds it. */
function fingerprintOf(number: string): string {
  const known = fingerprints.get(number)
  if (known) return known
  const fresh = randomText(16)
  fingerprints.set(number, fresh)
  return fresh
}
