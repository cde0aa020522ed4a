/** What a declined charge allows next. Stripe's codes as it describes them, each with our verdict:
 *  - https://docs.stripe.com/declines/codes: the decline codes, and which of them the customer must not be told
 *  - https://docs.stripe.com/declines/card#retrying-issuer-declines: the advice codes
 *  - https://docs.stripe.com/billing/revenue-recovery/smart-retries: the codes after which Stripe itself never retries
 *  - https://docs.stripe.com/declines#blocked-payments: the reasons of charges that Stripe blocked before any bank saw them
 *  `docs/decline-codes.md` shows this table, and a test keeps the two alike. */

export type DeclineVerdict =
  /** The same card may pay another day. */
  | 'retry_later'
  /** Never again on this card: it is gone, or what is saved of it is wrong. Another one may pay at once. */
  | 'other_card'
  /** No charge without the customer can succeed: send a link. */
  | 'authenticate'

export interface DeclineRule {
  verdict: DeclineVerdict
  /** For operators: what happened, without a full stop. */
  words: string
  /** For the customer, as a sentence. Left out where Stripe asks us not to say more than that it was declined (a thief might
   *  be reading), or where there is no more to say. */
  customerWords?: string
  /** Stripe never retries it by itself, so neither do we, even against an advice to try again. */
  final?: true
}

/** What the bank advises, where it does; newer and more reliable than the reason it gives. */
export const adviceCodes: Record<string, DeclineRule> = {
  do_not_try_again: { verdict: 'other_card', words: 'the bank asks not to try this card again' },
  try_again_later: { verdict: 'retry_later', words: 'the bank allows another try later' },
  // Nobody types in a renewal: only the customer can put the saved card right, and that makes it a new one.
  confirm_card_data: { verdict: 'other_card', words: 'the bank asks to check the details of the card' },
}

const retryLater = (words: string, customerWords?: string): DeclineRule =>
  rule('retry_later', words, customerWords)
const otherCard = (words: string, customerWords?: string): DeclineRule =>
  rule('other_card', words, customerWords)
const neverAgain = (words: string, customerWords?: string): DeclineRule => ({
  ...rule('other_card', words, customerWords),
  final: true,
})
const authenticate = (words: string): DeclineRule =>
  rule('authenticate', words, 'Your bank asks you to confirm the payment.')

const wrongDetails = 'The details saved for your card are not correct.'
const unsuitable = 'Your card does not support this payment.'
const overLimit = 'The payment exceeds a limit of your card.'
const bankAway = 'Your bank could not process the payment at that moment.'

export const declineCodes: Record<string, DeclineRule> = {
  authentication_required: authenticate('the bank requires authentication (3-D Secure)'),
  authentication_not_handled: authenticate('the bank asked for authentication, and none was given'),
  mobile_device_authentication_required: authenticate(
    "the bank requires authentication on the customer's device",
  ),
  // A PIN proves the same thing; without a reader the way to prove it is 3-D Secure.
  incorrect_pin: authenticate('wrong PIN'),
  invalid_pin: authenticate('invalid PIN'),
  offline_pin_required: authenticate('the card requires a PIN'),
  online_or_offline_pin_required: authenticate('the card requires a PIN'),

  approve_with_id: retryLater('the bank could not authorize it'),
  call_issuer: retryLater('declined by the bank without a reason; the customer should call it'),
  card_declined: retryLater('declined by the bank without a reason'),
  card_velocity_exceeded: retryLater('over the balance, credit or amount limit of the card', overLimit),
  do_not_honor: retryLater('declined by the bank without a reason'),
  duplicate_transaction: retryLater('the same amount was charged to the same card moments before', bankAway),
  generic_decline: retryLater('declined by the bank without a reason'),
  insufficient_funds: retryLater('insufficient funds', 'There was not enough money available on your card.'),
  invalid_amount: retryLater('the bank does not allow this amount', overLimit),
  issuer_not_available: retryLater('the bank could not be reached', bankAway),
  no_action_taken: retryLater('declined by the bank without a reason'),
  not_permitted: retryLater('the bank does not permit the payment'),
  processing_error: retryLater('an error in processing the card', bankAway),
  reenter_transaction: retryLater('the bank could not process it', bankAway),
  security_violation: retryLater('declined by the bank for a security reason'),
  service_not_allowed: retryLater('the bank does not allow the service'),
  try_again_later: retryLater('declined by the bank for now'),
  withdrawal_count_limit_exceeded: retryLater('over the balance or credit limit of the card', overLimit),

  card_not_supported: otherCard('the card does not support this kind of purchase', unsuitable),
  currency_not_supported: otherCard('the card does not support the currency', unsuitable),
  do_not_try_again: otherCard('the bank asks not to try this card again'),
  expired_card: otherCard('expired card', 'Your card has expired.'),
  fraudulent: otherCard('suspected fraud'),
  incorrect_address: otherCard('wrong address', wrongDetails),
  incorrect_cvc: otherCard('wrong security code', wrongDetails),
  incorrect_number: neverAgain('wrong card number', wrongDetails),
  incorrect_zip: otherCard('wrong postal code', wrongDetails),
  invalid_account: otherCard('invalid card or account', wrongDetails),
  invalid_cvc: otherCard('invalid security code', wrongDetails),
  invalid_expiry_month: otherCard('invalid month of expiry', wrongDetails),
  invalid_expiry_year: otherCard('invalid year of expiry', wrongDetails),
  invalid_number: otherCard('invalid card number', wrongDetails),
  lost_card: neverAgain('card reported lost'),
  merchant_blacklist: otherCard("on the block list of the company's Stripe account"),
  new_account_information_available: otherCard('the card was replaced by another', wrongDetails),
  pickup_card: neverAgain('card to be withdrawn, perhaps lost or stolen'),
  pin_try_exceeded: otherCard('too many wrong PINs', 'Your bank has locked your card.'),
  restricted_card: otherCard('restricted card, perhaps lost or stolen'),
  revocation_of_all_authorizations: neverAgain('the customer has revoked all authorizations at the bank'),
  revocation_of_authorization: neverAgain('the customer has revoked the authorization at the bank'),
  stolen_card: neverAgain('card reported stolen'),
  stop_payment_order: otherCard('the customer has stopped the payment at the bank'),
  testmode_decline: otherCard('a test card in live mode', wrongDetails),
  transaction_not_allowed: neverAgain('the bank does not allow this kind of payment', unsuitable),

  // Stripe blocked these before any bank saw them; they come as the reason of a charge's outcome.
  highest_risk_level: neverAgain('blocked by Stripe for its risk'),
  low_probability_of_authorization: retryLater('not sent by Stripe, as the bank would hardly allow it'),
  previously_declined_do_not_retry: neverAgain('blocked by Stripe: the bank said before not to try again'),
  requested_block_on_incorrect_cvc: otherCard(
    'blocked by a Stripe rule for a wrong security code',
    wrongDetails,
  ),
  requested_block_on_incorrect_zip: otherCard(
    'blocked by a Stripe rule for a wrong postal code',
    wrongDetails,
  ),
  rule: retryLater("blocked by a rule of the company's Stripe account"),
}

/** What may be done after a decline. A prohibition always counts; of what is left, the customer's own act goes before the
 *  bank's advice (no advice lets a charge pass that needs the customer), and the advice before the reason. An unknown code is
 *  tried again on schedule, which is bounded. */
export function judgeDecline({
  declineCode,
  adviceCode,
}: {
  declineCode?: string
  adviceCode?: string
}): DeclineVerdict {
  const reason = ruleOf(declineCodes, declineCode)
  const advice = ruleOf(adviceCodes, adviceCode)
  if (adviceCode === 'do_not_try_again') return 'other_card'
  if (reason?.final || reason?.verdict === 'authenticate') return reason.verdict
  return advice?.verdict ?? reason?.verdict ?? 'retry_later'
}

/** For operators and logs: `insufficient funds`. A code that we do not know is spelled out as it is. */
export function describeDecline(code: string | undefined): string {
  if (code === undefined) return 'no reason given'
  return ruleOf(declineCodes, code)?.words ?? code.replaceAll('_', ' ')
}

/** For the customer, as a sentence; it never tells what Stripe asks to keep from whoever holds the card. */
export function explainDecline(code: string | undefined): string {
  return ruleOf(declineCodes, code)?.customerWords ?? 'Your bank declined the payment.'
}

/** A code comes from outside and may be any word, `constructor` among them. */
function ruleOf(rules: Record<string, DeclineRule>, code: string | undefined): DeclineRule | undefined {
  return code !== undefined && Object.hasOwn(rules, code) ? rules[code] : undefined
}

function rule(verdict: DeclineVerdict, words: string, customerWords: string | undefined): DeclineRule {
  return { verdict, words, ...(customerWords !== undefined && { customerWords }) }
}
