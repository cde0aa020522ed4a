import type { MiddlewareHandler } from 'hono'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { BillingError } from '../domain/errors.ts'
import type { BaseEnv } from './context.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Refuses what no endpoint answers before anything else looks at it: 404 for a path nobody knows, 405 for another method.
 *  OPTIONS tells the methods; there are no cross-origin answers, because keys do not belong into browsers. */
export function onlyKnownRoutes(app: OpenAPIHono<BaseEnv>): MiddlewareHandler<BaseEnv> {
  const answers = (method: string, path: string) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method)
  return async (c, next) => {
    const method = c.req.method === 'HEAD' ? 'GET' : c.req.method
    if (answers(method, c.req.path)) return next()
    const allowed: string[] = methods.filter((candidate) => answers(candidate, c.req.path))
    if (allowed.length === 0) throw new BillingError('route_not_found')
    if (allowed.includes('GET')) allowed.push('HEAD')
    c.header('Allow', [...allowed, 'OPTIONS'].join(', '))
    if (method === 'OPTIONS') return c.body(null, 204)
    throw new BillingError('method_not_allowed')
  }
}
