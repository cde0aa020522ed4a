import type { temporal } from '@temporalio/proto'

type History = temporal.api.history.v1.IHistory
type Event = temporal.api.history.v1.IHistoryEvent

/** Why a replay failed, for whoever has to mend the code: at which event of the history, and what the code did instead. What the
 *  SDK says in a form that is not known here is passed on as it is. */
export function explainBreak(error: Error, history: History | undefined): string {
  const said = /Nondeterminism error: (.+?)(?:"|$)/m.exec(error.message)?.[1] ?? error.message
  const events = history?.events ?? []

  const [, machine, handled] =
    /^(.+?) ?machine does not handle (?:this event: )?HistoryEvent\(id: (\d+)/i.exec(said) ?? []
  if (machine !== undefined)
    return `${at(events, handled)}; this code ${done[machine] ?? `goes on with ${machine}`} instead.`

  const [, seq] = /^Missing associated machine for LocalActivity\((\d+)\)/.exec(said) ?? []
  if (seq !== undefined) {
    const call = events.find((event) => localActivityIn(event)?.seq === Number(seq))
    return `${at(events, String(call?.eventId))}; this code does not call it.`
  }

  const [, missed] = /^No command scheduled for event HistoryEvent\(id: (\d+)/.exec(said) ?? []
  if (missed !== undefined) return `${at(events, missed)}; this code does nothing there.`

  const [, recorded, commanded] = /type of .+ '(.+)' does not match .+ '(.+)'/.exec(said) ?? []
  if (recorded !== undefined) {
    const calls = events
      .filter((event) => describe(event).startsWith(`${recorded} `))
      .map(({ eventId }) => String(eventId))
    const where = calls.length === 1 ? `at event ${calls[0]}` : `at one of the events ${calls.join(', ')}`
    return `${where} ${recorded} was called; this code calls ${commanded} instead.`
  }
  return said
}

/** What the code does where the SDK names the state machine of its command. */
const done: Record<string, string> = {
  Activity: 'calls an activity',
  'Local activity': 'calls an activity',
  Timer: 'sets a timer',
  'Child workflow': 'starts a workflow',
  'Signal external': 'sends a signal',
  'Complete workflow': 'ends',
  'Fail workflow': 'fails',
  'Continue as new workflow': 'goes on as a new run',
  UpsertWorkflowSearchAttributes: 'sets search attributes',
  Update: 'answers an update',
  Patch: 'asks whether it is patched',
}

function at(events: Event[], eventId: string | undefined): string {
  const event = events.find((candidate) => String(candidate.eventId) === eventId)
  return `at event ${eventId} ${event ? describe(event) : 'something else was done'}`
}

/** What a workflow did when the event was written. */
function describe(event: Event): string {
  if (event.activityTaskScheduledEventAttributes)
    return `${event.activityTaskScheduledEventAttributes.activityType?.name} was called`
  const local = localActivityIn(event)
  if (local) return `${local.activity_type} was called`
  if (event.markerRecordedEventAttributes?.markerName === 'core_patch')
    return 'it asked whether it is patched'
  if (event.timerStartedEventAttributes) return 'a timer was set'
  if (event.timerCanceledEventAttributes) return 'a timer was taken back'
  if (event.startChildWorkflowExecutionInitiatedEventAttributes)
    return `${event.startChildWorkflowExecutionInitiatedEventAttributes.workflowType?.name} was started`
  if (event.signalExternalWorkflowExecutionInitiatedEventAttributes)
    return `the signal ${event.signalExternalWorkflowExecutionInitiatedEventAttributes.signalName} was sent`
  if (event.upsertWorkflowSearchAttributesEventAttributes) return 'search attributes were set'
  if (event.workflowExecutionUpdateAcceptedEventAttributes) return 'an update was accepted'
  if (event.workflowExecutionUpdateCompletedEventAttributes) return 'an update was answered'
  if (event.workflowExecutionContinuedAsNewEventAttributes) return 'it went on as a new run'
  if (event.workflowExecutionCompletedEventAttributes) return 'it ended'
  return 'something else was done'
}

/** The SDK keeps its name and its number in the details of a marker. */
function localActivityIn(event: Event): { activity_type: string; seq: number } | undefined {
  const { markerName, details } = event.markerRecordedEventAttributes ?? {}
  const data = details?.data?.payloads?.[0]?.data
  if (markerName !== 'core_local_activity' || !data) return undefined
  return JSON.parse(Buffer.from(data).toString()) as { activity_type: string; seq: number }
}
