import { parseArgs } from 'node:util'
import { readSettings } from './http/settings.ts'
import { startLocalStripe } from './server.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '12111' },
    state: { type: 'string' },
    host: { type: 'string' },
    'public-url': { type: 'string' },
    settings: { type: 'string' },
  },
})

const stripe = await startLocalStripe({
  port: Number(values.port),
  ...(values.state !== undefined && { stateFile: values.state }),
  ...(values.host !== undefined && { host: values.host }),
  ...(values.settings !== undefined && {
    settings: readSettings(JSON.parse(values.settings) as Record<string, unknown>),
  }),
  ...(values['public-url'] !== undefined && { publicUrl: values['public-url'] }),
})
console.log(
  `Local Stripe listens on ${stripe.url}${values.state === undefined ? '' : `, state in ${values.state}`}`,
)

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    void stripe.close().then(() => process.exit(0))
  })
