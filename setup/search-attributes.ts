import { Connection } from '@temporalio/client'
import type { TemporalConfig } from '../config.ts'
import { temporalConnectionOptions } from '../providers/temporal.ts'
import { searchAttributeNames } from './search-attribute-names.ts'

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API: compared as a whole, never split into words. */
const keyword = 2

/** Registers those that the namespace does not have yet and answers their names. Safe to repeat. */
export async function ensureSearchAttributes(config: TemporalConfig): Promise<string[]> {
  const { namespace } = config
  const connection = await Connection.connect(await temporalConnectionOptions(config))
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
    const missing = searchAttributeNames.filter((name) => !(name in customAttributes))
    if (missing.length > 0)
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
      })
    return missing
  } finally {
    await connection.close()
  }
}
