import { type Logger, pino } from 'pino'

export type { Logger }

/** Structured logs, a line of JSON each. What may be a secret or personal is cut out wherever it stands: a field that is
 *  logged by mistake must not leak. */
export function createLogger({ name, level }: { name: string; level: string }): Logger {
  return pino({
    name,
    level,
    base: { name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'authorization',
        'api_key',
        'email',
        'payload',
        'body',
        'secret',
        '*.authorization',
        '*.api_key',
        '*.email',
        '*.payload',
        '*.body',
        '*.secret',
      ],
      censor: '[cut out]',
    },
  })
}
