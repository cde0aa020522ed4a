import type { PaymentId, SubscriptionId } from './ids.ts'
import { currency, describeMoney, money } from './money.ts'

/** What a customer is told, as an event and as a mail. */

export const subscriptionNoticeKinds = [
  'retry_upcoming',
  'payment_failed',
  'authentication_required',
  'no_payment_method',
  'payment_recovered',
  'trial_will_end',
  'subscription_canceled',
  'subscription_paused',
  'subscription_resumed',
] as const
export type SubscriptionNoticeKind = (typeof subscriptionNoticeKinds)[number]

/** Holds no personal data: the address is looked up when the mail is sent. Times are RFC 3339 in UTC. */
export type NoticeData = SubscriptionNotice | TopUpNotice

/** The saved card did not pay for the credits that a wallet buys by itself. */
export interface TopUpNotice {
  kind: 'top_up_failed'
  user_id: string
  payment_id: PaymentId
  product_id: string
  product_name: string
  /** In minor units, with its currency. */
  amount: number
  currency: string
  /** Why, as a sentence for the customer. */
  reason?: string
}

export interface SubscriptionNotice {
  kind: SubscriptionNoticeKind
  user_id: string
  subscription_id: SubscriptionId
  plan_id: string
  plan_name: string
  /** In minor units, with its currency. */
  amount?: number
  currency?: string
  invoice_id?: string
  /** When the charge is tried again; absent when it is not. */
  retry_at?: string
  grace_until?: string
  trial_end?: string
  /** Of a trial: whether the subscription ends with it, so that nothing is charged. */
  is_canceled?: boolean
  /** How long what was paid for lasts; absent when access has ended. */
  access_until?: string
  /** When a pause ends by itself; absent when it lasts until somebody ends it. */
  resumes_at?: string
  /** Why, as a sentence for the customer that is shown as it is (`explainDecline` has them for declines): never an operator's
   *  own words. */
  reason?: string
  /** Where the customer can pay by hand. */
  pay_url?: string
}

export interface ComposedNotice {
  subject: string
  text: string
  html: string
}

interface Words {
  subject: string
  /** Paragraphs; what does not apply is left out. */
  says: (string | undefined | false)[]
  /** What the link to pay is called, where there is one. */
  link?: string
}

/** The mail of a notice, in the name of the project. */
export function composeNotice(notice: NoticeData, projectName: string): ComposedNotice {
  const { subject, says, link } =
    notice.kind === 'top_up_failed' ? topUpFailed(notice) : words[notice.kind](notice)
  const paragraphs = says.filter((paragraph) => typeof paragraph === 'string')
  const url = notice.kind === 'top_up_failed' ? undefined : notice.pay_url
  const button = link !== undefined && isWebAddress(url) ? { label: link, url } : undefined
  return {
    subject: oneLine(subject),
    text: `${[...paragraphs, ...(button ? [`${button.label}: ${button.url}`] : []), projectName].join('\n\n')}\n`,
    html: page({ subject: oneLine(subject), paragraphs, button, projectName }),
  }
}

const words: Record<SubscriptionNoticeKind, (notice: SubscriptionNotice) => Words> = {
  retry_upcoming: (notice) => ({
    subject: `We will try your payment again${on(notice.retry_at)}`,
    says: [
      `We could not collect ${amountOf(notice)} for ${notice.plan_name}. We will charge your card again${on(notice.retry_at)}.`,
      'Please see to it that there is enough money on it by then, or pay now with another card.',
      accessLasts(notice.grace_until),
    ],
    link: 'Pay now',
  }),
  payment_failed: (notice) => ({
    subject: `${capitalized(amountOf(notice))} for ${notice.plan_name} could not be collected`,
    says: [
      `We could not collect ${amountOf(notice)} for ${notice.plan_name}.`,
      notice.reason,
      notice.retry_at === undefined
        ? 'We will not charge this card again by ourselves. Please pay with another card.'
        : `We will try again${on(notice.retry_at)}. You can also pay now, or use another card.`,
      accessLasts(notice.grace_until),
    ],
    link: 'Pay now',
  }),
  authentication_required: (notice) => ({
    subject: `Please confirm your payment for ${notice.plan_name}`,
    says: [
      `Your bank asks you to confirm the payment of ${amountOf(notice)} for ${notice.plan_name}. Nothing is charged until you do.`,
      accessLasts(notice.grace_until),
    ],
    link: 'Confirm the payment',
  }),
  no_payment_method: (notice) => ({
    subject: `Please add a card for ${notice.plan_name}`,
    says: [
      `We could not collect ${amountOf(notice)} for ${notice.plan_name}, because there is no card that we may charge.`,
      'Please pay now, or add a card for us to charge.',
      accessLasts(notice.grace_until),
    ],
    link: 'Pay now',
  }),
  payment_recovered: (notice) => ({
    subject: `Thank you: your payment for ${notice.plan_name} has arrived`,
    says: [
      `We have received ${amountOf(notice)} for ${notice.plan_name}. Your subscription goes on as before, and there is nothing you need to do.`,
    ],
  }),
  trial_will_end: (notice) => ({
    subject: `Your trial of ${notice.plan_name} ends${on(notice.trial_end)}`,
    says: [
      `Your trial of ${notice.plan_name} ends${on(notice.trial_end)}.`,
      notice.is_canceled
        ? 'Your subscription ends with it, as was asked for, and nothing will be charged.'
        : notice.amount === 0
          ? 'Nothing will be charged then.'
          : `Then ${amountOf(notice)} will be charged, and your subscription goes on. If you do not want that, please cancel before.`,
    ],
  }),
  subscription_canceled: (notice) => ({
    subject: `Your subscription to ${notice.plan_name} ${notice.access_until === undefined ? 'has ended' : 'is canceled'}`,
    says: [
      `Your subscription to ${notice.plan_name} ${notice.access_until === undefined ? 'has ended' : 'is canceled'}.`,
      notice.reason,
      notice.access_until === undefined
        ? 'You no longer have access, and nothing more will be charged.'
        : `You keep access until ${momentOf(notice.access_until)}. Nothing more will be charged.`,
    ],
  }),
  subscription_paused: (notice) => ({
    subject: `Your subscription to ${notice.plan_name} is paused`,
    says: [
      `Your subscription to ${notice.plan_name} is paused.`,
      notice.reason,
      notice.resumes_at === undefined
        ? 'You have no access while it is paused.'
        : `You have no access until it goes on by itself on ${momentOf(notice.resumes_at)}.`,
      notice.pay_url !== undefined && `It goes on as soon as ${amountOf(notice)} is paid.`,
    ],
    link: 'Pay now',
  }),
  subscription_resumed: (notice) => ({
    subject: `Your subscription to ${notice.plan_name} goes on`,
    says: [`Your subscription to ${notice.plan_name} goes on, and you have access again.`],
  }),
}

const topUpFailed = (notice: TopUpNotice): Words => ({
  subject: `Your credits could not be topped up`,
  says: [
    `Your credits are running low, and we could not collect ${amountOf(notice)} for ${notice.product_name}.`,
    notice.reason,
    'We will not charge this card again by ourselves. Please buy credits by hand, or use another card.',
  ],
})

const accessLasts = (until: string | undefined): string | undefined =>
  until === undefined ? undefined : `You keep access until ${momentOf(until)}.`

function amountOf({ amount, currency: code }: { amount?: number; currency?: string }): string {
  return amount === undefined || code === undefined
    ? 'the amount due'
    : describeMoney(money(amount, currency(code)))
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
)

const on = (time: string | undefined): string => (time === undefined ? '' : ` on ${dayOf(time)}`)

/** `14 March 2026`, in UTC. */
function dayOf(time: string): string {
  const at = new Date(time)
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`
}

/** `14 March 2026, 09:30 UTC`: an end is a moment, not a day. */
const momentOf = (time: string): string => `${dayOf(time)}, ${new Date(time).toISOString().slice(11, 16)} UTC`

/** A link is sent to people who trust it, so nothing but the web's own kind. */
const isWebAddress = (url: string | undefined): url is string => /^https?:\/\/[^\s]+$/.test(url ?? '')

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** A subject that broke its line would begin another header. */
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

/** Styles stand in the elements themselves, because mail programs drop style sheets. */
function page({
  subject,
  paragraphs,
  button,
  projectName,
}: {
  subject: string
  paragraphs: string[]
  button: { url: string; label: string } | undefined
  projectName: string
}): string {
  const shown = paragraphs
    .map((paragraph) => `<p style="margin:0 0 16px">${escapeHtml(paragraph)}</p>`)
    .join('\n    ')
  const link = button
    ? `\n    <p style="margin:24px 0"><a href="${escapeHtml(button.url)}" style="display:inline-block;padding:12px 24px;border-radius:6px;background:#0a5bd3;color:#ffffff;font-weight:600;text-decoration:none">${escapeHtml(button.label)}</a></p>`
    : ''
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:24px;background:#f5f7fb;color:#1a1f36;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif">
  <div style="max-width:560px;margin:0 auto;padding:32px;background:#ffffff;border-radius:8px">
    <h1 style="margin:0 0 16px;font-size:20px;line-height:1.3">${escapeHtml(subject)}</h1>
    ${shown}${link}
    <p style="margin:24px 0 0;padding-top:16px;border-top:1px solid #d5dbe5;color:#545b72">${escapeHtml(projectName)}</p>
  </div>
</body>
</html>
`
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter)
}
