/** What the worker bundles: the workflow types are these names. */
export { catalog } from './catalog.ts'
export { checkout } from './checkout.ts'
export { dispute } from './dispute.ts'
export { dunning } from './dunning.ts'
export { paymentMethod } from './payment-method.ts'
export { refund } from './refund.ts'
export { subscription } from './subscription.ts'
export { testClock } from './test-clock.ts'
