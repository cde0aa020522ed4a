/** `npm run demo`: plays the life of some subscriptions against a running `npm start`, as a shop's backend would live it,
 *  and shows what happens, why, and where to look at it. */

import path from 'node:path'
import { createApi } from './demo/api.ts'
import { checkoutAndRenewals } from './demo/chapters/checkout-and-renewals.ts'
import { lostCase } from './demo/chapters/lost-case.ts'
import { pause } from './demo/chapters/pause.ts'
import { planChange } from './demo/chapters/plan-change.ts'
import { recoveredCase } from './demo/chapters/recovered-case.ts'
import { refund } from './demo/chapters/refund.ts'
import { describeEvent } from './demo/describe-event.ts'
import { listenToEvents, noEvents } from './demo/events.ts'
import { DemoFailure } from './demo/failure.ts'
import { createLocalStripe } from './demo/local-stripe.ts'
import { createScreen, type Screen } from './demo/screen.ts'
import { registerProject } from './demo/shop.ts'
import { placesOfProject } from './demo/places.ts'
import { createStage } from './demo/stage.ts'
import { findStack } from './demo/stack.ts'

const chapters = [checkoutAndRenewals, recoveredCase, lostCase, planChange, pause, refund]

const usage = `npm run demo [-- OPTIONS]

Plays the life of some subscriptions against a running "npm start", in a project of its own, in about a minute.

  --fast   without the time to read along
  --help   this text`

const root = path.resolve(import.meta.dirname, '..')
const { QUITTANCE_STATE, NO_COLOR } = process.env

// Whoever read our output may be gone, as in `npm run demo | head`: that is no reason to fall over.
process.stdout.on('error', () => process.exit(0))
const args = process.argv.slice(2)
const unknown = args.find((option) => !['--fast', '--help'].includes(option))
const screen = createScreen(process.stdout, {
  noColour: NO_COLOR !== undefined && NO_COLOR !== '',
  fast: args.includes('--fast'),
})
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    screen.end()
    console.log('\nEnded. What was begun stays in its project, and the next run has one of its own.')
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })

try {
  if (unknown !== undefined) throw new DemoFailure(`There is no option ${unknown}.\n\n${usage}`)
  if (args.includes('--help')) console.log(usage)
  else await play(screen)
  process.exit(0)
} catch (error) {
  screen.end()
  console.error(`\n${error instanceof DemoFailure ? error.message : `The demo failed: ${String(error)}`}`)
  process.exit(1)
}

async function play(screen: Screen): Promise<void> {
  const startedAt = Date.now()
  const stack = await findStack(path.resolve(root, QUITTANCE_STATE || '.quittance'))
  const { api_url: apiUrl, kafka_brokers: brokers } = stack
  const operator = createApi({ apiUrl, key: stack.operator_key })
  const project = await screen.during('registering a project', registerProject(operator, apiUrl))
  const hasKafka = brokers !== 'none'
  const events = hasKafka
    ? await screen.during(
        'listening to Kafka',
        listenToEvents(brokers, project.projectId, (event) => screen.line('event', describeEvent(event))),
      )
    : noEvents
  await screen.say(
    `Quittance demo: ${chapters.length} customers of a shop of this run's own, ${project.projectId}, each on a test clock.`,
  )
  if (!hasKafka)
    await screen.say('Kafka is left out of this stack: the events wait in the outbox and are not shown.')

  const stage = createStage({
    stack,
    project,
    api: createApi({ apiUrl, key: project.apiKey }),
    stripe: createLocalStripe(stack.stripe_api_base),
    screen,
    events,
  })
  for (const [index, { title, play }] of chapters.entries()) {
    screen.chapter(`${index + 1} of ${chapters.length}  ${title}`)
    await play(stage)
    await screen.rest()
  }
  await events.stop()

  screen.chapter(`Played in ${Math.round((Date.now() - startedAt) / 1_000)} s. Everything of it:`)
  for (const place of placesOfProject(stack, project)) screen.line('link', place)
}
