/** What the processes have complained of, by the line of the code that complains. */

export interface Complaint {
  process: string
  level: 'warning' | 'error'
  /** What was said, with what tells one cause from another. */
  message: string
  times: number
  /** The first of its lines. */
  example: string
}

/** Of workflows, which would make each line another; the SDK puts the numbers of task and attempt behind them. */
const runIds = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\d+)*/g
const WARNING = 40
const ERROR = 50

/** What may be said under a load without faults, and why it is no fault. */
export const expectedComplaints: { message: RegExp; reason: string }[] = [
  {
    message: /^No workflows registered, not polling for workflow tasks/,
    reason: 'The worker that calls Stripe runs activities only; the SDK says so once, when it starts.',
  },
  {
    message: /^catalog not published yet \(WorkflowUpdateRPCTimeoutOrCancelledError\)/,
    reason:
      'Temporal took longer than a request waits. The first checkout of an item publishes it if nothing has by then.',
  },
  {
    message: /^request refused \(outcome_pending|^request \(503 /,
    reason:
      'Temporal took longer than a request waits. Whoever asked is told to come again, and the work goes on.',
  },
  {
    message: /^event put off: its workflow could not be told \(OwnerNotKnownYet\)/,
    reason:
      'A dispute was told of before the payment that it is about had been recorded. It is handed over again.',
  },
  {
    message: /^Activity failed \(playTestClock orchestrator_unavailable\)/,
    reason: 'Temporal took longer than a tick of a clock waits. It is tried again.',
  },
  {
    message: /^Activity failed \(\w+ attempt_under_way\)/,
    reason: 'Another charge of the same invoice had not been answered yet. It is tried again.',
  },
  {
    message: /^\[TMPRL1104\] … Workflow task duration exceeded 5 seconds/,
    reason: 'The machine was too busy to work on a task in time. It was worked on all the same.',
  },
]

export function complaintsIn(process: string, log: string): Complaint[] {
  const found = new Map<string, Complaint>()
  for (const line of log.split('\n')) {
    const complaint = complaintIn(line)
    if (!complaint) continue
    const known = found.get(complaint.message)
    if (known) known.times += 1
    else found.set(complaint.message, { process, ...complaint, times: 1, example: line.slice(0, 500) })
  }
  return [...found.values()].toSorted((one, other) => other.times - one.times)
}

/** Why a complaint is expected; `undefined` when it is not. */
export function reasonFor({ message }: Complaint): string | undefined {
  return expectedComplaints.find((expected) => expected.message.test(message))?.reason
}

function complaintIn(line: string): Pick<Complaint, 'level' | 'message'> | undefined {
  if (line.trim() === '') return undefined
  const entry = parsed(line)
  // What is no entry of the log comes from the runtime itself, such as a warning or an uncaught exception.
  if (!entry) return { level: 'error', message: line.trim().slice(0, 120) }
  if (entry.level < WARNING) return undefined
  const { status, route, code, activityType, workflowType, reason, error } = entry
  const cause = error?.type ?? error?.kind ?? reason
  const details = [status, route, code, activityType ?? workflowType, cause].filter(
    (detail) => detail !== undefined,
  )
  return {
    level: entry.level < ERROR ? 'warning' : 'error',
    message: [entry.msg.replaceAll(runIds, '…'), details.length > 0 && `(${details.join(' ')})`]
      .filter(Boolean)
      .join(' '),
  }
}

interface Entry {
  level: number
  msg: string
  status?: number
  route?: string
  code?: string
  activityType?: string
  workflowType?: string
  reason?: string
  error?: { kind?: string; type?: string }
}

function parsed(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'level' in value ? (value as Entry) : undefined
  } catch {
    return undefined
  }
}
