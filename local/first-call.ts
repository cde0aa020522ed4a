import type { Stack } from './stack-file.ts'

/** What is printed when everything is up: where things are, and a first payment to try. */
export function firstCall(stack: Stack, files: { stack: string; logs: string }): string {
  const rows = [
    ['API', stack.api_url],
    ['API reference', `${stack.api_url}/docs`],
    ['Temporal UI', stack.temporal_ui_url ?? 'that of your own server'],
    ['Temporal', `${stack.temporal_address} (namespace ${stack.temporal_namespace})`],
    ['Kafka', stack.kafka_brokers === 'none' ? 'left out: events stay in the outbox' : stack.kafka_brokers],
    ['Postgres', stack.database_url],
    ['Stripe', stack.stripe_api_base],
    ['Mailbox', stack.mailbox_url ?? 'mails go to your own server'],
    ['Logs', files.logs],
  ] as const
  const width = Math.max(...rows.map(([name]) => name.length))
  return `
Quittance is running. Ctrl-C stops it; keys and addresses are in ${files.stack}.

${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}

Start a first payment, a subscription to the plan "pro" of the demo project:

  curl -s ${stack.api_url}/api/v1/payments \\
    -H 'Authorization: Bearer ${stack.demo.api_key}' \\
    -H 'Content-Type: application/json' \\
    -H "Idempotency-Key: first-payment-$(date +%s)" \\
    -d '{ "user_id": "ada", "email": "ada@example.com", "plan_id": "pro",
          "success_url": "${stack.api_url}/docs", "cancel_url": "${stack.api_url}/docs" }'

Open the checkout_url of the answer in a browser and pay with the card 4242 4242 4242 4242, any date to come, any code.
Then look the payment up with its payment_id, and find checkout/{payment_id} in Temporal UI:

  curl -s ${stack.api_url}/api/v1/payments/PAYMENT_ID/status -H 'Authorization: Bearer ${stack.demo.api_key}'
`
}
