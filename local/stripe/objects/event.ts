import { newId } from '../store/ids.ts'

/** The version of Stripe's API whose shapes this stand-in speaks, whatever version a caller names. */
export const apiVersion = '2026-10-28.endive'

/** An event is kept as text, so that it shows its object as it was and not as it is now. */
export interface StoredEvent {
  id: string
  type: string
  /** By the test clock of the object, if it hangs on one. */
  created: number
  /** In real time, which decides how long it is kept. */
  recorded: number
  /** The object's id, for whoever looks for the events of something. */
  about: string
  /** `data` and `request` as JSON. */
  data: string
  request: { id: string | null; idempotency_key: string | null }
}

export const newEvent = (given: Omit<StoredEvent, 'id'>): StoredEvent => ({ id: newId('evt'), ...given })

/** The event as it is listed and sent. */
export const eventBody = (event: StoredEvent, pendingWebhooks: number, version: string | null): object => ({
  id: event.id,
  object: 'event',
  api_version: version ?? apiVersion,
  created: event.created,
  data: JSON.parse(event.data) as object,
  livemode: false,
  pending_webhooks: pendingWebhooks,
  request: event.request,
  type: event.type,
})
