import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { BillingError, errorCatalog } from '../../domain/errors.ts'
import type { BaseEnv } from '../context.ts'
import { describeApi } from '../openapi.ts'
import { problems } from '../problem.ts'

const { resolve } = createRequire(import.meta.url)

/** What of Swagger UI is served; nothing comes from another host. */
const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

// Swagger UI sets style attributes while it draws; scripts come from files of ours only.
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The description of the API, for programs and for people. */
export function documentationRoutes(app: OpenAPIHono<BaseEnv>): void {
  let document: ReturnType<typeof describeApi> | undefined
  const files = new Map<string, Promise<Buffer>>()

  app.get('/openapi.json', (c) => c.json((document ??= describeApi(app))))

  app.get('/docs', (c) => {
    c.header('Content-Security-Policy', pagePolicy)
    return c.html(docsPage)
  })
  app.get('/docs/errors', (c) => {
    c.header('Content-Security-Policy', pagePolicy)
    return c.html(errorsPage())
  })
  app.get('/docs/start.js', (c) =>
    c.body(startScript, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )
  app.get('/docs/assets/:file{[a-z0-9.-]+}', async (c) => {
    const name = c.req.param('file')
    const type = Object.hasOwn(assets, name) ? assets[name] : undefined
    if (type === undefined) throw new BillingError('route_not_found')
    const file = files.get(name) ?? readFile(resolve(`swagger-ui-dist/${name}`))
    files.set(name, file)
    return c.body(new Uint8Array(await file), 200, {
      'Content-Type': type,
      'Cache-Control': 'public, max-age=3600',
    })
  })
}

const docsPage = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Quittance API</title>
  <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
  <link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/assets/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
`

const startScript = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
})
`

/** Every code that a problem may carry, out of the catalogue itself: the address in its \`type\` leads here. */
function errorsPage(): string {
  const rows = Object.entries(errorCatalog).map(([code, { message, retryable }]) => {
    const [status] = problems[code as keyof typeof problems]
    return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${retryable ? 'yes' : 'no'}</td><td>${escapeHtml(message)}</td></tr>`
  })
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Errors of the Quittance API</title>
  <style>
    body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2733; }
    table { border-collapse: collapse; width: 100%; }
    th, td { border-bottom: 1px solid #d8dee4; padding: .5rem; text-align: left; vertical-align: top; }
    tr:target { background: #fff8c5; }
  </style>
</head>
<body>
  <h1>Errors</h1>
  <p>Errors are problem details (RFC 9457). Programs read <code>code</code>; where it may be retried, the same request may succeed later without any change.</p>
  <table>
    <thead><tr><th>Code</th><th>Status</th><th>May be retried</th><th>Meaning</th></tr></thead>
    <tbody>${rows.join('\n')}</tbody>
  </table>
</body>
</html>
`
}

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
