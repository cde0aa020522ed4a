/** The search attributes by which operators find workflows. They are registered once per namespace and never removed. */

import type { Connection } from '@temporalio/client'

export const searchAttributes = [
  'QuittanceProject',
  'QuittanceUser',
  'QuittanceStatus',
  'QuittancePlan',
  'QuittanceAttention',
] as const

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API: compared as a whole, never split into words. */
const keyword = 2

/** Registers those that the namespace does not have yet and answers their names. Safe to repeat. */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
  const missing = searchAttributes.filter((name) => !(name in customAttributes))
  if (missing.length > 0)
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
    })
  return missing
}
