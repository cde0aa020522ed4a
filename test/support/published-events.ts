import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { CloudEvent } from '../../domain/events.ts'

const directory = path.resolve(import.meta.dirname, '..', '..', 'events')

/** The JSON Schemas as they are published, read like any consumer reads them: found by what `dataschema` names. */
const ajv = new Ajv({ allErrors: true, strict: false })
formats.default(ajv)
for (const file of readdirSync(directory).filter((name) => name.endsWith('.schema.json')))
  ajv.addSchema(JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as object)

/** Holds a message of Kafka to the published schemas of its envelope and its data.
 *  @returns a sentence for each flaw. */
export function flawsOfEvent(value: string): string[] {
  const event = JSON.parse(value) as CloudEvent
  const parts = [
    ['urn:quittance:event:envelope:v1', event],
    [event.dataschema, event.data],
  ] as const
  return parts
    .filter(([schema, part]) => !ajv.validate(schema, part))
    .map(([schema]) => `${event.type} is not as ${schema} says: ${ajv.errorsText()}`)
}
