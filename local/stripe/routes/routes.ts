import type { Route } from '../http/router.ts'
import { checkoutSessionRoutes } from './checkout_sessions.ts'
import { customerRoutes } from './customers.ts'
import { eventRoutes } from './events.ts'
import { priceRoutes } from './prices.ts'
import { productRoutes } from './products.ts'
import { webhookEndpointRoutes } from './webhook_endpoints.ts'

/** Every call of Stripe's API that is served. */
export const routes: Route[] = [
  ...checkoutSessionRoutes,
  ...customerRoutes,
  ...eventRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...webhookEndpointRoutes,
]
