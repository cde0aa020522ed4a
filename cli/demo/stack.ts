import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { DemoFailure } from './failure.ts'

/** What the demo needs to know of a running stack: a part of what `npm start` writes to `stack.json`. */
export interface Stack {
  api_url: string
  operator_key: string
  temporal_namespace: string
  temporal_ui_url: string | null
  /** `none` where Kafka is left out. */
  kafka_brokers: string
  stripe_api_base: string
  mailbox_url?: string | null
}

/** The stack that runs in a state directory.
 *  @throws DemoFailure saying what to do where none runs, or one that the demo cannot be played on. */
export async function findStack(stateDirectory: string): Promise<Stack> {
  const file = path.join(stateDirectory, 'stack.json')
  const text = await readFile(file, 'utf8').catch(() => {
    throw new DemoFailure(`Nothing has been started here: there is no ${file}.\n${howToStart}`)
  })
  const stack = parse(file, text)
  await mustBeReady(stack)
  await mustBeLocalStripe(stack)
  return stack
}

const howToStart =
  'Start Quittance with "npm start" in another terminal, wait until it says that it is running, and repeat "npm run demo".'

function parse(file: string, text: string): Stack {
  try {
    return JSON.parse(text) as Stack
  } catch {
    throw new DemoFailure(`${file} cannot be read.\n${howToStart}`)
  }
}

async function mustBeReady({ api_url: apiUrl }: Stack): Promise<void> {
  const answer = await ask(`${apiUrl}/readyz`)
  if (!answer) throw new DemoFailure(`Nothing answers at ${apiUrl}, where it ran last.\n${howToStart}`)
  if (!answer.ok)
    throw new DemoFailure(
      `${apiUrl} answers, but is not ready (${answer.status}). Wait until "npm start" says that it is running, and repeat "npm run demo".`,
    )
}

/** The demo plays the customers as well, and only the local Stripe lets a program do what they do on its pages. */
async function mustBeLocalStripe({ stripe_api_base: stripe }: Stack): Promise<void> {
  const counts = await ask(`${stripe}/_local/counts`)
  if (counts?.ok) return
  throw new DemoFailure(
    `This stack works with Stripe itself, at ${stripe}. The demo plays the customers too: it pays on Stripe's page without a browser, and makes saved cards fail. Only the local Stripe lets a program do that.
Start without STRIPE_API_BASE and STRIPE_SECRET_KEY to play the demo. To play the same story with Stripe's test mode: make a test clock (POST /api/v1/test-clocks), start a payment with its test_clock_id and pay with 4242 4242 4242 4242 in a browser; attach pm_card_chargeCustomerFail to the customer as the card to charge, and advance the clock past the renewal; attach pm_card_visa before a retry to recover.`,
  )
}

const ask = (url: string): Promise<Response | undefined> =>
  fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
