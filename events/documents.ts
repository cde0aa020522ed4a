import { z } from 'zod'
import { EVENT_SCHEMA_VERSION, type EventType, type Topic, topicOf } from '../domain/events.ts'
import { envelopeSchema } from './envelope.ts'
import { dataSchemas, dataSchemaUrn, eventTypes } from './schemas.ts'

/** The published description of the events, generated from the schemas: a JSON Schema (draft 7, which every validator reads)
 *  for the envelope and for the data of each type, and an AsyncAPI document that ties them to topics and keys. */

/** File names in this folder, with their contents. */
export function eventDocuments(): Map<string, unknown> {
  return new Map<string, unknown>([
    [envelopeFile, { ...jsonSchema(envelopeSchema), $id: 'urn:quittance:event:envelope:v1' }],
    ...eventTypes.map((type): [string, unknown] => [
      schemaFile(type),
      { ...jsonSchema(dataSchemas[type]), $id: dataSchemaUrn(type) },
    ]),
    ['asyncapi.json', asyncApi()],
  ])
}

const envelopeFile = 'envelope.v1.schema.json'
const schemaFile = (type: EventType) => `${type}.v${EVENT_SCHEMA_VERSION}.schema.json`

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    target: 'draft-07',
    override: ({ jsonSchema: generated }) => {
      // We are strict about what we send. Readers must not be: fields are added without a new version.
      if (generated.additionalProperties === false) delete generated.additionalProperties
      // Zod's pattern of a date says what its format says, in 200 characters.
      if (generated.format === 'date-time') delete generated.pattern
    },
  }) as Record<string, unknown>
}

function asyncApi() {
  const byTopic = [...typesByTopic()]
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Quittance events',
      version: `${EVENT_SCHEMA_VERSION}.0.0`,
      description:
        'What Quittance tells on Kafka, as CloudEvents 1.0 in structured JSON. Events of one customer of a project share a key ' +
        'and arrive in order, each at least once: drop repeats by `id`. Ignore fields you do not know; what changes ' +
        'incompatibly gets a new version in `dataschema`.',
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(
      byTopic.map(([topic, types]) => [
        topic,
        { address: topic, messages: Object.fromEntries(types.map((type) => [type, reference(type)])) },
      ]),
    ),
    operations: Object.fromEntries(
      byTopic.map(([topic]) => [
        `send.${topic}`,
        { action: 'send', channel: { $ref: `#/channels/${topic}` } },
      ]),
    ),
    components: { messages: Object.fromEntries(eventTypes.map((type) => [type, message(type)])) },
  }
}

const reference = (type: EventType) => ({ $ref: `#/components/messages/${type}` })

function message(type: EventType) {
  const name = `com.quittance.${type}`
  return {
    name,
    summary: dataSchemas[type].description,
    contentType: 'application/cloudevents+json',
    headers: {
      type: 'object',
      properties: { 'content-type': { const: 'application/cloudevents+json' } },
      required: ['content-type'],
    },
    payload: {
      schemaFormat: 'application/schema+json;version=draft-07',
      schema: {
        allOf: [
          { $ref: `./${envelopeFile}` },
          {
            properties: {
              type: { const: name },
              dataschema: { const: dataSchemaUrn(type) },
              data: { $ref: `./${schemaFile(type)}` },
            },
          },
        ],
      },
    },
    bindings: {
      kafka: {
        key: { type: 'string', description: '`{project_id}/{user_id}`' },
        bindingVersion: '0.5.0',
      },
    },
  }
}

/** The types of each topic that has any. */
function typesByTopic(): Map<Topic, EventType[]> {
  const topics = [...new Set(eventTypes.map(topicOf))]
  return new Map(topics.map((topic) => [topic, eventTypes.filter((type) => topicOf(type) === topic)]))
}
