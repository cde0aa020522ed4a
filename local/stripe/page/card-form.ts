import type { Account } from '../account.ts'
import { newPaymentMethod, type PaymentMethod } from '../objects/payment-method.ts'
import { isCardNumber, testCard } from '../objects/test-cards.ts'
import { html, raw, type Html } from './html.ts'

/** What the payer typed, kept while they correct it; never the card's number or code. */
export interface Typed {
  email: string
  name: string
}

/** What is wrong, and with which field. */
export interface Problem {
  message: string
  field?: 'email' | 'card_number' | 'expiry' | 'cvc'
}

/** The form by which a card pays, with what went wrong the last time. */
export const cardForm = (given: {
  action: string
  button: string
  askForEmail: boolean
  askForCard: boolean
  typed: Typed
  problem: Problem | undefined
}): Html => {
  const { problem, typed } = given
  const field = (name: string, label: string, attributes: string, value = ''): Html =>
    html`<div class="field">
      <label for="${name}">${label}</label>
      <input
        id="${name}"
        name="${name}"
        value="${value}"
        required
        ${raw(attributes)}
        ${raw(problem?.field === name ? 'aria-invalid="true" aria-describedby="problem"' : '')}
      />
    </div>`
  return html`<form method="post" action="${given.action}" id="card-form" novalidate>
      ${given.askForEmail && field('email', 'Email', 'type="email" autocomplete="email"', typed.email)}
      ${
        given.askForCard &&
        html`${field('card_number', 'Card number', 'inputmode="numeric" autocomplete="cc-number" placeholder="1234 1234 1234 1234" maxlength="23"')}
          <div class="row">
            ${field('expiry', 'Expiry', 'inputmode="numeric" autocomplete="cc-exp" placeholder="MM / YY" maxlength="9"')}
            ${field('cvc', 'CVC', 'inputmode="numeric" autocomplete="cc-csc" placeholder="CVC" maxlength="4"')}
          </div>
          ${field('name', 'Name on card', 'autocomplete="cc-name"', typed.name)}`
      }
      ${problem && html`<p class="alert" role="alert" id="problem">${problem.message}</p>`}
      <button type="submit">${given.button}</button>
    </form>
    ${given.askForCard && testCardHelp}
    <script>
      ${raw(script)}
    </script>`
}

const helpful: [number: string, what: string][] = [
  ['4242 4242 4242 4242', 'is paid'],
  ['4000 0000 0000 0002', 'is declined'],
  ['4000 0000 0000 9995', 'has insufficient funds'],
  ['4000 0000 0000 0341', 'is saved, and declined when charged'],
  ['4000 0027 6000 3184', 'asks for 3-D Secure each time'],
  ['4000 0025 0000 3155', 'asks for 3-D Secure once'],
]

const testCardHelp = html`<details>
  <summary>Test cards</summary>
  <table class="cards">
    ${helpful.map(
      ([number, what]) =>
        html`<tr>
          <td><button type="button" data-card="${number}">${number}</button></td>
          <td>${what}</td>
        </tr>`,
    )}
  </table>
  <p class="hint">Any date to come and any CVC will do.</p>
</details>`

/** Groups the digits while typing, and keeps a second click from paying twice. The form works without it. */
const script = `
const form = document.getElementById('card-form');
const digits = (text, most) => text.replace(/\\D/g, '').slice(0, most);
const number = document.getElementById('card_number');
const expiry = document.getElementById('expiry');
number?.addEventListener('input', () => { number.value = digits(number.value, 19).replace(/(.{4})(?=.)/g, '$1 '); });
expiry?.addEventListener('input', (event) => {
  if (event.inputType === 'deleteContentBackward') return;
  const typed = digits(expiry.value, 4);
  expiry.value = typed.length > 2 ? typed.slice(0, 2) + ' / ' + typed.slice(2) : typed;
});
for (const button of document.querySelectorAll('[data-card]'))
  button.addEventListener('click', () => { number.value = button.dataset.card; number.focus(); });
form.addEventListener('submit', () => {
  const button = form.querySelector('button[type=submit]');
  button.setAttribute('aria-busy', 'true');
  button.textContent = 'Processing…';
  setTimeout(() => { button.disabled = true; });
});
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
`

/** Checks the card as Stripe's page does before it sends anything. */
export function readCard(
  account: Account,
  form: URLSearchParams,
  email: string | null,
): PaymentMethod | Problem {
  const number = (form.get('card_number') ?? '').replaceAll(/\D/g, '')
  if (number.length < 12) return { message: 'Your card number is incomplete.', field: 'card_number' }
  if (!isCardNumber(number)) return { message: 'Your card number is invalid.', field: 'card_number' }
  const [, month, year] = /^\s*(\d{1,2})\s*\/?\s*(\d{4}|\d{2})\s*$/.exec(form.get('expiry') ?? '') ?? []
  if (month === undefined || year === undefined || Number(month) < 1 || Number(month) > 12)
    return { message: 'Your card’s expiration date is incomplete.', field: 'expiry' }
  const expYear = Number(year.length === 2 ? `20${year}` : year)
  const today = new Date()
  if (expYear * 12 + Number(month) < today.getUTCFullYear() * 12 + today.getUTCMonth() + 1)
    return { message: 'Your card’s expiration date is in the past.', field: 'expiry' }
  if (!/^\d{3,4}$/.test((form.get('cvc') ?? '').trim()))
    return { message: 'Your card’s security code is incomplete.', field: 'cvc' }
  return account.paymentMethods.insert(
    newPaymentMethod({
      now: account.now(),
      card: testCard(number),
      expMonth: Number(month),
      expYear,
      billing: { name: form.get('name') || null, email },
    }),
  )
}
