/** What the worker bundles: the workflow types are these names. */
export { catalog } from './catalog.ts'
export { checkout } from './checkout.ts'
export { subscription } from './subscription.ts'
