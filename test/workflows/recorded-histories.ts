import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import proto, { type temporal } from '@temporalio/proto'

/** What `scripts/record-histories.ts` has kept. */

type History = temporal.api.history.v1.History
type Payloads = temporal.api.common.v1.IPayloads | null | undefined

export interface Recorded {
  /** `0.1.0/checkout-paid.json`: the version that recorded it, and its story. */
  file: string
  story: string
  text: string
  history: History
  workflowId: string
  workflowType: string
}

export function readRecorded(): Recorded[] {
  const directory = path.join(import.meta.dirname, 'histories')
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.json'),
  )
  return files.toSorted().map((file) => {
    const text = readFileSync(path.join(directory, file), 'utf8')
    // The SDK reads its own form of JSON with a class that npm installs twice, and refuses the other one.
    const history = proto.temporal.api.history.v1.History.fromObject(JSON.parse(text) as object)
    const { workflowId, workflowType } = history.events[0]?.workflowExecutionStartedEventAttributes ?? {}
    return {
      file,
      story: path.basename(file, '.json'),
      text,
      history,
      workflowId: workflowId ?? '',
      workflowType: workflowType?.name ?? '',
    }
  })
}

/** Each activity that was answered in it, with its first answer. */
export function answersIn({ events }: History): Map<string, unknown> {
  const answers = new Map<string, unknown>()
  const scheduled = new Map<string, string>()
  const answer = (activity: string, result: Payloads) => {
    if (!answers.has(activity)) answers.set(activity, decode(result))
  }
  for (const event of events) {
    const { activityTaskScheduledEventAttributes: asked, activityTaskCompletedEventAttributes: done } = event
    if (asked) scheduled.set(String(event.eventId), asked.activityType?.name ?? '')
    if (done) answer(scheduled.get(String(done.scheduledEventId)) ?? '', done.result)
    const { markerName, details, failure } = event.markerRecordedEventAttributes ?? {}
    if (markerName !== 'core_local_activity' || failure) continue
    const { activity_type: activity } = decode(details?.data) as { activity_type: string }
    answer(activity, details?.result)
  }
  return answers
}

function decode(payloads: Payloads): unknown {
  const text = Buffer.from(payloads?.payloads?.[0]?.data ?? []).toString()
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}
