import { type CloudEvent, messageKey, topics } from '../../domain/events.ts'
import { readKafka, type ReadMessage } from './kafka-reader.ts'

/** What Kafka has of some projects, as a consumer sees it who reads from the start and keeps repeats. */
export interface EventLog {
  messages(projectId: string): ReadMessage[]
  /** Repeats left out, as consumers do; in the order of each key. */
  events(projectId: string): CloudEvent[]
  /** The types of the events of one user, in order, without `com.quittance.`. */
  typesOf(projectId: string, userId: string): string[]
  stop(): Promise<void>
}

export async function startEventLog(brokers: string): Promise<EventLog> {
  const reader = await readKafka(brokers, Object.values(topics))
  const messages = (projectId: string) =>
    reader.messages.filter(({ key }) => key.startsWith(messageKey(projectId, '')))
  return {
    messages,
    events: (projectId) => withoutRepeats(messages(projectId)),
    typesOf: (projectId, userId) =>
      withoutRepeats(messages(projectId).filter(({ key }) => key === messageKey(projectId, userId))).map(
        ({ type }) => type.replace('com.quittance.', ''),
      ),
    stop: () => reader.stop(),
  }
}

function withoutRepeats(messages: ReadMessage[]): CloudEvent[] {
  const byId = new Map<string, CloudEvent>()
  for (const { value } of messages) {
    const event = JSON.parse(value) as CloudEvent
    if (!byId.has(event.id)) byId.set(event.id, event)
  }
  return [...byId.values()]
}
