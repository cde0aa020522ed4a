import { ApplicationFailure } from '@temporalio/common'
import { DefaultLogger, type Logger as SdkLogger } from '@temporalio/worker'
import type { Logger } from 'pino'

/** Lets what the SDK has to say appear in our logs, from warnings on. */
export function createSdkLogger(logger: Logger): SdkLogger {
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    const fields = { ...meta, taskToken: undefined, ...('error' in (meta ?? {}) && errorOf(meta?.error)) }
    if (level === 'ERROR') logger.error(fields, message)
    else logger.warn(fields, message)
  })
}

/** An error's own words are not among what a log writes of an object. Those of a failed activity are ours: `failures.ts`. */
function errorOf(error: unknown) {
  if (!(error instanceof Error)) return { error: { kind: typeof error } }
  const type = error instanceof ApplicationFailure ? error.type : undefined
  return { error: { kind: error.name, type, message: error.message } }
}
