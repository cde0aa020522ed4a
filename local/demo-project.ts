/** The project that is there from the start, so that a first payment takes one call. */

import { randomUUID } from 'node:crypto'

export interface DemoProject {
  project_id: string
  api_key: string
}

/** Answers the demo project of an earlier run when its key still works, else registers a new one. */
export async function ensureDemoProject(
  apiUrl: string,
  operatorKey: string,
  earlier: DemoProject | undefined,
): Promise<DemoProject> {
  if (earlier && (await works(apiUrl, earlier.api_key))) return earlier
  const answer = await fetch(`${apiUrl}/api/v1/projects`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${operatorKey}`,
      'content-type': 'application/json',
      'idempotency-key': `demo-project-${randomUUID()}`,
    },
    body: JSON.stringify(demo),
    signal: AbortSignal.timeout(60_000),
  })
  const body = (await answer.json().catch(() => ({}))) as Partial<DemoProject> & { detail?: string }
  if (!answer.ok || !body.project_id || !body.api_key)
    throw new Error(`The demo project could not be registered: ${answer.status} ${JSON.stringify(body)}`)
  return { project_id: body.project_id, api_key: body.api_key }
}

/** Any answer but a refusal of the key will do: the user that is asked for need not exist. */
async function works(apiUrl: string, apiKey: string): Promise<boolean> {
  const answer = await fetch(`${apiUrl}/api/v1/subscriptions/nobody`, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(10_000),
  })
  return answer.ok || answer.status === 404
}

const demo = {
  name: 'Demo',
  currency: 'brl',
  plans: [
    { id: 'pro', name: 'Pro', amount: 9_900, currency: 'brl', interval: 'month', roles: ['pro'] },
    {
      id: 'enterprise',
      name: 'Enterprise',
      amount: 49_900,
      currency: 'brl',
      interval: 'month',
      roles: ['pro', 'enterprise'],
    },
    {
      id: 'pro-trial',
      name: 'Pro with a trial',
      amount: 9_900,
      currency: 'brl',
      interval: 'month',
      trial_days: 14,
      roles: ['pro'],
    },
  ],
  products: [
    { id: 'report', name: 'Annual report', amount: 4_900, currency: 'brl' },
    // A wallet is kept in micro-dollars: ten dollars buy ten dollars of credits.
    { id: 'credits-10', name: 'Ten dollars of credits', amount: 1_000, currency: 'usd', credits: 10_000_000 },
  ],
}
