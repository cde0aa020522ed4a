import { startLocalStripe } from '../../../../local/stripe/server.ts'
import { arrayAt, at, isObject, textAt, typeOf, type Json, type JsonObject } from './json.ts'
import type { ApiDescription } from './openapi.ts'
import { formOf, rawClient, type Answer } from './raw-client.ts'
import { sdkTypes } from './sdk-types.ts'
import { openWebhookSink } from './webhook-sink.ts'

/** A local Stripe with a webhook endpoint, each of whose answers and events is judged as it comes. */
export interface JudgedSession {
  /** The body of an answer that must be 200. */
  get(path: string, parameters?: JsonObject): Promise<JsonObject>
  post(path: string, parameters?: JsonObject): Promise<JsonObject>
  delete(path: string): Promise<JsonObject>
  /** The error of an answer that must have another status. */
  refused(status: number, method: string, path: string, parameters?: JsonObject): Promise<JsonObject>
  /** Lets a hosted session be paid, or try to be, with a card. */
  payHosted(session: string, card: string): Promise<void>
  /** One of the controls that only a stand-in has, such as `refunds/re_…/move`. */
  control(path: string, given: JsonObject): Promise<JsonObject>
  /** Waits until an event about the object has been delivered, and returns the event. */
  eventAbout(type: string, objectId: string): Promise<JsonObject>
  /** Waits until every event so far is delivered; then all that was found wrong since the last time, each problem once. */
  newProblems(): Promise<string[]>
  close(): Promise<void>
}

export async function openJudgedSession(description: ApiDescription): Promise<JudgedSession> {
  const stripe = await startLocalStripe({ port: 0 })
  const sink = await openWebhookSink()
  const missingFields = sdkTypes()
  const problems = new Set<string>()
  const told = new Set<string>()
  const judge = (title: string, found: string[]) => {
    for (const problem of found) problems.add(`${title}: ${problem}`)
  }

  const judgeAnswer = ({ method, path, status, body }: Answer) => {
    if (path.startsWith('/_local/')) return
    const title = `${method} ${path.replaceAll(/\/[a-z]+_\w{8,}/g, '/…')}`
    judge(title, [...description.problemsOfAnswer(method, path, status, body), ...missingFields(body)])
  }
  const client = rawClient(stripe.url, judgeAnswer)

  const judged = new Set<string>()
  const judgeEvent = (event: JsonObject) => {
    judged.add(textAt(event, 'id'))
    const type = textAt(event, 'type')
    const object = at(event, 'data.object') ?? null
    if (!description.eventTypes.has(type)) judge(type, ['Stripe has no such event'])
    judge(type, description.problemsOfObject('event', event))
    judge(type, [...description.problemsOfObject(typeOf(object), object), ...missingFields(object)])
    judge(type, problemsOfPreviousAttributes(type, at(event, 'data.previous_attributes'), object))
  }

  await client.post(
    '/v1/webhook_endpoints',
    formOf({ url: sink.url, enabled_events: ['*'], api_version: '2026-10-28.endive' }),
  )

  const answered = async (answer: Promise<Answer>, status: number) => {
    const { method, path, status: given, body } = await answer
    if (given !== status) throw new Error(`${method} ${path} answered ${given}: ${JSON.stringify(body)}`)
    return body
  }

  return {
    get: (path, parameters = {}) => answered(client.get(path, formOf(parameters)), 200),
    post: (path, parameters = {}) => answered(client.post(path, formOf(parameters)), 200),
    delete: (path) => answered(client.delete(path), 200),
    refused: (status, method, path, parameters = {}) =>
      answered(client.send(method, path, formOf(parameters)), status),
    async payHosted(session, card) {
      await fetch(`${stripe.url}/_local/checkout/${session}/pay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ card }),
      })
    },
    async control(path, given) {
      const init = { method: 'POST', body: JSON.stringify(given) }
      const answer = await fetch(`${stripe.url}/_local/${path}`, init)
      const body: unknown = await answer.json()
      if (!answer.ok || !isObject(body)) throw new Error(`/_local/${path} answered ${JSON.stringify(body)}`)
      return body
    },
    async eventAbout(type, objectId) {
      const isIt = ({ event }: { event: JsonObject }) =>
        event['type'] === type && at(event, 'data.object.id') === objectId
      const deliveries = await sink.until((deliveries) => deliveries.some(isIt), `${type} of ${objectId}`)
      return deliveries.find(isIt)?.event ?? {}
    },
    async newProblems() {
      const { body } = await rawClient(stripe.url).get('/v1/events', [['limit', '100']])
      const happened = arrayAt(body, 'data').map((event) => textAt(event, 'id'))
      const awaited = () => happened.filter((id) => !judged.has(id))
      await sink.until((deliveries) => {
        for (const { event } of deliveries.splice(0)) judgeEvent(event)
        return awaited().length === 0
      }, 'all events')
      const found = [...problems].filter((problem) => !told.has(problem))
      for (const problem of found) told.add(problem)
      return found.toSorted()
    },
    async close() {
      await stripe.close()
      await sink.close()
    },
  }
}

/** An update tells what some fields were before: of a hash only what changed in it, and nothing that did not. */
function problemsOfPreviousAttributes(type: string, previous: Json | undefined, object: Json): string[] {
  if (previous === undefined) return type.endsWith('.updated') ? ['$.data.previous_attributes: missing'] : []
  return unchangedIn('$.data.previous_attributes', previous, object)
}

function unchangedIn(path: string, before: Json, now: Json | undefined): string[] {
  if (isObject(before) && isObject(now))
    return Object.entries(before).flatMap(([name, value]) => unchangedIn(`${path}.${name}`, value, now[name]))
  return JSON.stringify(before) === JSON.stringify(now) ? [`${path}: did not change`] : []
}
