import { parseArgs } from 'node:util'
import { startLocalStripe } from './server.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '12111' },
    state: { type: 'string' },
    host: { type: 'string' },
    'public-url': { type: 'string' },
  },
})

const stripe = await startLocalStripe({
  port: Number(values.port),
  ...(values.state !== undefined && { stateFile: values.state }),
  ...(values.host !== undefined && { host: values.host }),
  ...(values['public-url'] !== undefined && { publicUrl: values['public-url'] }),
})
console.log(
  `Local Stripe listens on ${stripe.url}${values.state === undefined ? '' : `, state in ${values.state}`}`,
)

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    void stripe.close().then(() => process.exit(0))
  })
