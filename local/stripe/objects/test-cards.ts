import type { DisputeReason } from './dispute.ts'
import { errorCodeOf, type AdviceCode } from './decline-codes.ts'

/** Stripe's test cards (https://docs.stripe.com/testing) and what each of them does. */
export interface TestCard {
  number: string
  brand: 'visa' | 'mastercard' | 'amex' | 'discover' | 'diners' | 'jcb' | 'unionpay'
  country: string
  funding: 'credit' | 'debit' | 'prepaid'
  /** How a charge is declined; nothing means that it goes through. */
  decline?: Decline
  /** Declined already when it is attached to a customer, not only when it is charged. */
  declinesAttaching?: true
  /** `always`: each payment asks for 3-D Secure. `unless_set_up`: only until the customer has authenticated for later. */
  authentication?: 'always' | 'unless_set_up'
  cvcCheck?: 'fail' | 'unavailable'
  /** What is charged is available at once. */
  bypassesPending?: true
  /** What becomes of refunds: they wait for the bank, or fail after they seemed to have succeeded. */
  refunds?: 'pending' | 'fail'
  /** What is charged is disputed at once, or asked about. */
  complaint?: { reason: DisputeReason; inquiry?: true }
  /** The bank hears at once that it was fraud. */
  fraudWarning?: true
}

export interface Decline {
  code: string
  declineCode?: string
  adviceCode?: AdviceCode
  networkDeclineCode?: string
  message: string
  /** Stripe's own risk rules said no; the bank was never asked. */
  blocked?: true
}

const declined = (declineCode: string, extra: Partial<Decline> = {}): Decline => ({
  code: 'card_declined',
  declineCode,
  adviceCode: 'try_again_later',
  networkDeclineCode: '01',
  message: 'Your card was declined.',
  ...extra,
})

export const declines = {
  generic: declined('generic_decline'),
  insufficientFunds: declined('insufficient_funds', {
    networkDeclineCode: '51',
    message: 'Your card has insufficient funds.',
  }),
  lost: declined('lost_card', { adviceCode: 'do_not_try_again', networkDeclineCode: '41' }),
  stolen: declined('stolen_card', { adviceCode: 'do_not_try_again', networkDeclineCode: '43' }),
  doNotHonor: declined('do_not_honor', { networkDeclineCode: '05' }),
  velocityExceeded: declined('card_velocity_exceeded', {
    networkDeclineCode: '61',
    message:
      'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
  }),
  expired: declined('expired_card', {
    code: 'expired_card',
    adviceCode: 'confirm_card_data',
    networkDeclineCode: '54',
    message: 'Your card has expired.',
  }),
  incorrectCvc: declined('incorrect_cvc', {
    code: 'incorrect_cvc',
    adviceCode: 'confirm_card_data',
    networkDeclineCode: 'N7',
    message: "Your card's security code is incorrect.",
  }),
  processingError: declined('processing_error', {
    code: 'processing_error',
    networkDeclineCode: '96',
    message: 'An error occurred while processing your card. Try again in a little bit.',
  }),
  authenticationRequired: declined('authentication_required', {
    code: 'authentication_required',
    networkDeclineCode: '65',
    message: 'Your card was declined. This transaction requires authentication.',
  }),
  blocked: {
    code: 'card_declined',
    declineCode: 'fraudulent',
    message: 'Your card was declined.',
    blocked: true,
  },
} satisfies Record<string, Decline>

/** A decline with any of Stripe's codes; test cards have only some of them. */
export const declineWith = (declineCode: string, adviceCode: AdviceCode | undefined): Decline => ({
  code: errorCodeOf(declineCode),
  declineCode,
  ...(adviceCode && { adviceCode }),
  message: 'Your card was declined.',
})

const credit = (number: string, rest: Partial<TestCard> = {}): TestCard => ({
  number,
  brand: brandOf(number),
  country: 'US',
  funding: 'credit',
  ...rest,
})

function brandOf(number: string): TestCard['brand'] {
  if (number.startsWith('4')) return 'visa'
  if (/^(5|2)/.test(number)) return 'mastercard'
  if (/^3[47]/.test(number)) return 'amex'
  if (number.startsWith('35')) return 'jcb'
  if (/^3[068]/.test(number)) return 'diners'
  return number.startsWith('62') ? 'unionpay' : 'discover'
}

const cards = {
  visa: credit('4242424242424242'),
  visa_debit: credit('4000056655665556', { funding: 'debit' }),
  mastercard: credit('5555555555554444'),
  mastercard_debit: credit('5200828282828210', { funding: 'debit' }),
  mastercard_prepaid: credit('5105105105105100', { funding: 'prepaid' }),
  amex: credit('378282246310005'),
  amex_other: credit('371449635398431'),
  discover: credit('6011111111111117'),
  discover_other: credit('6011000990139424'),
  diners: credit('3056930009020004'),
  jcb: credit('3566002020360505'),
  unionpay: credit('6200000000000005'),
  br: credit('4000000760000002', { country: 'BR' }),
  ca: credit('4000001240000000', { country: 'CA' }),
  mx: credit('4000004840008001', { country: 'MX' }),
  de: credit('4000002760000016', { country: 'DE' }),
  fr: credit('4000002500000003', { country: 'FR' }),
  gb: credit('4000008260000000', { country: 'GB' }),
  bypassPending: credit('4000000000000077', { bypassesPending: true }),
  createDispute: credit('4000000000000259', { complaint: { reason: 'fraudulent' } }),
  createDisputeProductNotReceived: credit('4000000000002685', {
    complaint: { reason: 'product_not_received' },
  }),
  createDisputeInquiry: credit('4000000000001976', { complaint: { reason: 'general', inquiry: true } }),
  createIssuerFraudRecord: credit('4000000000005423', { fraudWarning: true }),
  pendingRefund: credit('4000000000007726', { refunds: 'pending' }),
  refundFail: credit('4000000000005126', { refunds: 'fail' }),
  cvcCheckFail: credit('4000000000000101', { cvcCheck: 'fail' }),
  riskLevelElevated: credit('4000000000009235'),
  chargeDeclined: credit('4000000000000002', { decline: declines.generic, declinesAttaching: true }),
  chargeDeclinedInsufficientFunds: credit('4000000000009995', {
    decline: declines.insufficientFunds,
    declinesAttaching: true,
  }),
  visa_chargeDeclinedLostCard: credit('4000000000009987', {
    decline: declines.lost,
    declinesAttaching: true,
  }),
  visa_chargeDeclinedStolenCard: credit('4000000000009979', {
    decline: declines.stolen,
    declinesAttaching: true,
  }),
  visa_chargeDeclinedVelocityLimitExceeded: credit('4000000000006975', {
    decline: declines.velocityExceeded,
    declinesAttaching: true,
  }),
  chargeDeclinedExpiredCard: credit('4000000000000069', {
    decline: declines.expired,
    declinesAttaching: true,
  }),
  chargeDeclinedIncorrectCvc: credit('4000000000000127', {
    decline: declines.incorrectCvc,
    declinesAttaching: true,
    cvcCheck: 'fail',
  }),
  chargeDeclinedProcessingError: credit('4000000000000119', {
    decline: declines.processingError,
    declinesAttaching: true,
  }),
  chargeCustomerFail: credit('4000000000000341', { decline: declines.generic }),
  radarBlock: credit('4100000000000019', { decline: declines.blocked }),
  authenticationRequired: credit('4000002760003184', { country: 'DE', authentication: 'always' }),
  authenticationRequiredOnSetup: credit('4000002500003155', {
    country: 'FR',
    authentication: 'unless_set_up',
  }),
  threeDSecure2Required: credit('4000000000003220', { authentication: 'always' }),
  threeDSecureRequired: credit('4000000000003063', { authentication: 'always' }),
  threeDSecureRequiredChargeDeclined: credit('4000008400001629', {
    authentication: 'always',
    decline: declines.generic,
  }),
  authenticationRequiredChargeDeclinedInsufficientFunds: credit('4000008260003178', {
    country: 'GB',
    authentication: 'always',
    decline: declines.insufficientFunds,
  }),
} satisfies Record<string, TestCard>

/** Stripe's `pm_card_amex` and `pm_card_discover` are the second numbers of their brands. */
const paymentMethodNames: Record<string, TestCard> = {
  ...cards,
  amex: cards.amex_other,
  discover: cards.discover_other,
  visa_chargeDeclined: cards.chargeDeclined,
  visa_chargeDeclinedInsufficientFunds: cards.chargeDeclinedInsufficientFunds,
  visa_chargeDeclinedExpiredCard: cards.chargeDeclinedExpiredCard,
  visa_chargeDeclinedIncorrectCvc: cards.chargeDeclinedIncorrectCvc,
  visa_chargeDeclinedProcessingError: cards.chargeDeclinedProcessingError,
  chargeDeclinedLostCard: cards.visa_chargeDeclinedLostCard,
  chargeDeclinedStolenCard: cards.visa_chargeDeclinedStolenCard,
}

const byNumber = new Map<string, TestCard>(Object.values(cards).map((card: TestCard) => [card.number, card]))

/** The card of a number. A number that passes the checksum and is not in Stripe's list simply works. */
export const testCard = (number: string): TestCard => byNumber.get(number) ?? credit(number)

/** The card that a name such as `pm_card_visa` or `tok_visa` stands for. */
export const testCardNamed = (name: string): TestCard | undefined => {
  const key = name.replace(/^(pm_card_|tok_)/, '')
  return key !== name && Object.hasOwn(paymentMethodNames, key) ? paymentMethodNames[key] : undefined
}

/** The Luhn checksum that every card number carries in its last digit. */
export function isCardNumber(number: string): boolean {
  if (!/^\d{12,19}$/.test(number)) return false
  let sum = 0
  for (const [index, digit] of number.split('').toReversed().entries()) {
    const doubled = Number(digit) * (index % 2 === 0 ? 1 : 2)
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
