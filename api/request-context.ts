import { randomBytes } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { Logger } from 'pino'
import type { BaseEnv, CallerEnv } from './context.ts'
import type { Metrics } from './metrics.ts'

/** Ids that a caller may choose: nothing that could break a log line or a header. */
const correlationPattern = /^[A-Za-z0-9._:-]{1,128}$/

/** Gives each request its ids, its headers, its one line in the log and its place in the metrics. */
export function requestContext({
  logger,
  metrics,
}: {
  logger: Logger
  metrics: Metrics
}): MiddlewareHandler<BaseEnv & CallerEnv> {
  return async (c, next) => {
    const startedAt = performance.now()
    const requestId = `req_${randomBytes(12).toString('hex')}`
    const given = c.req.header('X-Correlation-ID')
    const correlationId = given && correlationPattern.test(given) ? given : requestId
    const log = logger.child({ request_id: requestId, correlation_id: correlationId })
    c.set('requestId', requestId)
    c.set('correlationId', correlationId)
    c.set('log', log)

    await next()

    c.res.headers.set('X-Request-ID', requestId)
    c.res.headers.set('X-Correlation-ID', correlationId)
    for (const [name, value] of Object.entries(securityHeaders)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value)
    }

    const seconds = (performance.now() - startedAt) / 1000
    const route = routeOf(c)
    const { status } = c.res
    metrics.requestSeconds.observe({ method: c.req.method, route, status }, seconds)
    // The route's pattern, never the path: what a caller puts into a path may be personal.
    const line = {
      method: c.req.method,
      route,
      status,
      duration_ms: Math.round(seconds * 1000),
      ...whoOf(c.var.caller),
    }
    if (status >= 500) log.warn(line, 'request')
    else log.info(line, 'request')
  }
}

function routeOf(c: Parameters<MiddlewareHandler>[0]): string {
  const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')
  return route?.path ?? 'none'
}

function whoOf(caller: CallerEnv['Variables']['caller'] | undefined): Record<string, string> {
  if (!caller) return {}
  return caller.kind === 'project'
    ? { project_id: caller.projectId, actor: caller.keyId }
    : { actor: caller.operatorId }
}

/** For an API whose answers are data; pages set their own. */
const securityHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}
