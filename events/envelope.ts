import { z } from 'zod'
import type { CloudEvent } from '../domain/events.ts'
import { id, time } from './fields.ts'
import { dataSchemas, dataSchemaUrn, eventTypes } from './schemas.ts'

/** The CloudEvents envelope that every event travels in. */

const envelope = {
  specversion: z.literal('1.0'),
  id: id('ev', 'Stays the same however often the event is sent: drop what you have seen.'),
  source: z.templateLiteral(['/projects/', z.string()]).describe('The project: `/projects/{project_id}`.'),
  subject: z
    .string()
    .min(1)
    .describe(
      "What it is about: a payment's or subscription's id; for credits and entitlements the `user_id`.",
    ),
  time: time('When it happened, by the clock of the object, which on a test clock runs ahead.'),
  datacontenttype: z.literal('application/json'),
  projectid: id('prj', 'The project.'),
  correlationid: z
    .string()
    .min(1)
    .describe('The same from the API call to everything that followed from it.'),
  sequence: z.int().positive().describe('Rises by one per topic, source and subject.'),
  recordedtime: time('When it was recorded, by our clock.'),
}

/** The envelope of any event, with data of any kind. */
export const envelopeSchema = z.strictObject({
  ...envelope,
  type: z.string().regex(/^com\.quittance\.[a-z_]+\.[a-z_]+$/),
  dataschema: z.string().regex(/^urn:quittance:event:[a-z_.]+:v\d+$/),
  data: z.record(z.string(), z.unknown()),
})

/** One event whole.
 *  @throws z.ZodError naming every field that is not as published. */
export function parseEvent(json: string): CloudEvent {
  const event = envelopeSchema.parse(JSON.parse(json))
  const type = eventTypes.find((known) => event.type === `com.quittance.${known}`)
  if (!type) throw new Error(`${event.type} is not a published type`)
  if (event.dataschema !== dataSchemaUrn(type))
    throw new Error(`${event.type} names the schema ${event.dataschema}, not ${dataSchemaUrn(type)}`)
  if (event.source !== `/projects/${event.projectid}`)
    throw new Error(`${event.source} is not the source of ${event.projectid}`)
  return { ...event, type: `com.quittance.${type}`, data: dataSchemas[type].parse(event.data) }
}
