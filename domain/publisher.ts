/** The port through which events leave. */
export interface EventPublisher {
  /** Returns once every message is stored safely on the other side. When it throws, any of them may have been stored; calling
   *  again with the same messages is always right, because readers drop repeats by event id.
   *  @throws MessagesRefused when these messages will never be taken as they are; any other error means: later. */
  publish(messages: EventMessage[]): Promise<void>
  close(): Promise<void>
}

export interface EventMessage {
  topic: string
  /** Messages of one key and topic are read in the order in which they were published. */
  key: string
  value: string
  headers: Record<string, string>
}

/** At least one of the messages is refused for what it is (too large, say), however often it is sent. */
export class MessagesRefused extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MessagesRefused'
  }
}
