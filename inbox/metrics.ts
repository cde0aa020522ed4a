import { Counter, Gauge, Histogram } from 'prom-client'

/** What operators watch of the way in. */

export const eventsHandled = new Counter({
  name: 'quittance_inbox_handled_total',
  help: 'Stripe events by what became of them.',
  labelNames: ['outcome'],
})

export const eventsPostponed = new Counter({
  name: 'quittance_inbox_postponed_total',
  help: 'Attempts to hand a Stripe event to its workflow that failed and will be repeated.',
})

export const eventAge = new Histogram({
  name: 'quittance_inbox_handling_seconds',
  help: 'From the storing of a Stripe event until its workflow was told.',
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600],
})

export const foreignEvents = new Counter({
  name: 'quittance_inbox_foreign_total',
  help: 'Stripe events of another API version or another mode than this installation was made for.',
  labelNames: ['difference'],
})

export const eventsUnhandled = new Gauge({
  name: 'quittance_inbox_unhandled',
  help: 'Stripe events that no workflow has been told of yet (counted up to 10,000).',
})
