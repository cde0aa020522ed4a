import { OpenAPIHono } from '@hono/zod-openapi'
import { authenticate } from './authenticate.ts'
import type { BaseEnv, CallerEnv } from './context.ts'
import type { ApiDependencies } from './dependencies.ts'
import { onlyKnownRoutes } from './known-routes.ts'
import { problemResponse } from './problem.ts'
import { readJsonBody } from './read-body.ts'
import { requestContext } from './request-context.ts'
import { documentationRoutes } from './routes/documentation.ts'
import { healthRoutes } from './routes/health.ts'
import { keyRoutes } from './routes/keys.ts'
import { ledgerRoutes } from './routes/ledger.ts'
import { operatorRoutes } from './routes/operators.ts'
import { paymentMethodRoutes } from './routes/payment-methods.ts'
import { disputeRoutes } from './routes/disputes.ts'
import { refundPolicyRoutes } from './routes/refund-policies.ts'
import { refundRoutes } from './routes/refunds.ts'
import { paymentRoutes } from './routes/payments.ts'
import { projectRoutes } from './routes/projects.ts'
import { dunningPolicyRoutes } from './routes/dunning-policies.ts'
import { reconciliationRoutes } from './routes/reconciliations.ts'
import { subscriptionCommandRoutes } from './routes/subscription-commands.ts'
import { subscriptionRoutes } from './routes/subscriptions.ts'
import { testClockRoutes } from './routes/test-clocks.ts'
import { walletOperationRoutes } from './routes/wallet-operations.ts'
import { walletRoutes } from './routes/wallets.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { refuseInvalid } from './validation.ts'

const MAX_BODY_BYTES = 256 * 1024

/** The whole HTTP API, out of what it is given. Listens to nothing and opens nothing by itself. */
export function createApp(dependencies: ApiDependencies): OpenAPIHono<BaseEnv> {
  const app = new OpenAPIHono<BaseEnv>({ defaultHook: refuseInvalid })
  app.onError(problemResponse)
  app.use(requestContext(dependencies))
  app.use(onlyKnownRoutes(app))
  healthRoutes(app, dependencies)
  documentationRoutes(app)
  webhookRoutes(app, dependencies)

  const api = new OpenAPIHono<CallerEnv>({ defaultHook: refuseInvalid })
  api.use(authenticate(dependencies))
  api.use(readJsonBody(MAX_BODY_BYTES))
  projectRoutes(api, dependencies)
  keyRoutes(api, dependencies)
  operatorRoutes(api, dependencies)
  paymentRoutes(api, dependencies)
  subscriptionRoutes(api, dependencies)
  subscriptionCommandRoutes(api, dependencies)
  paymentMethodRoutes(api, dependencies)
  refundRoutes(api, dependencies)
  refundPolicyRoutes(api, dependencies)
  disputeRoutes(api, dependencies)
  walletRoutes(api, dependencies)
  walletOperationRoutes(api, dependencies)
  dunningPolicyRoutes(api, dependencies)
  testClockRoutes(api, dependencies)
  ledgerRoutes(api, dependencies)
  reconciliationRoutes(api, dependencies)
  app.route('/api/v1', api)
  return app
}
