import type { Customer, Project, Subscription } from './shop.ts'
import type { Stack } from './stack.ts'

/** Where a subscription can be looked at, one place a line. */
export function placesOf(
  stack: Stack,
  { email }: Customer,
  { subscription_id, dunning }: Subscription,
): string[] {
  const box = stack.mailbox_url
  return lines([
    ['Temporal UI', workflowAddress(stack, `subscription/${subscription_id}`)],
    ['Dunning case', dunning && workflowAddress(stack, `dunning/${dunning.invoice_id}`)],
    ['Timeline', `${stack.api_url}/api/v1/subscriptions/${subscription_id}/timeline`],
    ['Mails', box ? `${box}/?to=${encodeURIComponent(email)}` : undefined],
  ])
}

/** Where everything of a project can be looked at. */
export function placesOfProject(stack: Stack, { projectId, apiKey }: Project): string[] {
  const query = encodeURIComponent(`QuittanceProject="${projectId}"`)
  return lines([
    ['Temporal UI', stack.temporal_ui_url && `${namespaceAddress(stack)}?query=${query}`],
    ['Mails', stack.mailbox_url],
    ['API', `${stack.api_url}/docs, with the key ${apiKey}`],
    ['What Ada has', `curl -H 'Authorization: Bearer ${apiKey}' ${stack.api_url}/api/v1/subscriptions/ada`],
  ])
}

const lines = (places: [what: string, where: string | null | undefined][]): string[] =>
  places.flatMap(([what, where]) => (where ? [`${what.padEnd(13)} ${where}`] : []))

const namespaceAddress = ({ temporal_ui_url, temporal_namespace }: Stack): string =>
  `${temporal_ui_url}/namespaces/${temporal_namespace}/workflows`

const workflowAddress = (stack: Stack, workflowId: string): string =>
  stack.temporal_ui_url === null
    ? `the workflow ${workflowId}`
    : `${namespaceAddress(stack)}/${encodeURIComponent(workflowId)}`
