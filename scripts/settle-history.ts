import proto, { type temporal } from '@temporalio/proto'

/** By the clock of the world that the stories are played in: just before its pages are opened. */
const RECORDED_AT = Date.parse('2029-12-31T00:00:00Z') / 1000

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
/** Stories play years later or earlier. */
const isOfTheRecording = (time: number): boolean => Math.abs(Date.now() - time) < 3_600_000

/** Whose fields come in any order. */
const maps = new Set(['metadata', 'indexedFields', 'details'])

/** A history as text, a line for each event, without what differs between two recordings of the same story: names of machines and paths, random
 *  ids, times, counters. What a replay looks at stays. `fromObject` of the same type reads it again. */
export function settled(history: temporal.api.history.v1.IHistory): string {
  const { History } = proto.temporal.api.history.v1
  const plain = History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String })
  const random = new Map<string, string>()
  const events = (plain.events as unknown[]).map(settleEvent).map((event) => JSON.stringify(event))
  return `{"events":[\n${events.join(',\n')}\n]}\n`

  function settleEvent(event: unknown, index: number): unknown {
    const eventTime = { seconds: String(RECORDED_AT + index), nanos: 0 }
    return { ...(settle(event, '') as object), eventTime, taskId: String(index + 1) }
  }

  function settle(value: unknown, key: string): unknown {
    if (key === 'coreUsedFlags') return (value as number[]).toSorted((one, other) => one - other)
    if (key === 'startToFireTimeout') return { seconds: '60' }
    if (key === 'createTime' || key === 'expireTime') return { seconds: String(RECORDED_AT), nanos: 0 }
    if (Array.isArray(value)) return value.map((item) => settle(item, key))
    if (typeof value === 'string') return settleText(value, key)
    if (typeof value !== 'object' || value === null) return value
    // A run that follows another one at once waits for the rest of a second, a slow one not at all.
    const entries = Object.entries(value).filter(([name]) => name !== 'firstWorkflowTaskBackoff')
    const fields = entries.map(([name, inner]) => [name, settle(inner, name)] as const)
    return Object.fromEntries(
      maps.has(key) ? fields.toSorted(([one], [other]) => (one < other ? -1 : 1)) : fields,
    )
  }

  function settleText(text: string, key: string): string {
    if (key === 'stackTrace') return ''
    if (key === 'identity' || key === 'requestId') return 'recorder'
    if (key === 'historySizeBytes') return '0'
    if (key === 'data') return settlePayload(text)
    // The queue of one process, named after its machine.
    if (key === 'name' && /^\d+@/.test(text)) return 'recorder'
    return text.replaceAll(UUID, steady).replace(/^(@temporalio\/worker@[^+]+)\+[0-9a-f]+$/, '$1')
  }

  /** The marker of a local activity tells when it ran, and what workflows asked for tells when they asked. */
  function settlePayload(base64: string): string {
    const text = Buffer.from(base64, 'base64').toString()
    const settledText = text
      .replaceAll(/"seconds":\d+,"nanos":\d+/g, `"seconds":${RECORDED_AT},"nanos":0`)
      .replaceAll(/\b\d{13}\b/g, (time) => (isOfTheRecording(Number(time)) ? `${RECORDED_AT}000` : time))
      .replaceAll(UUID, steady)
    return settledText === text ? base64 : Buffer.from(settledText).toString('base64')
  }

  function steady(id: string): string {
    const known = random.get(id) ?? `00000000-0000-4000-8000-${String(random.size + 1).padStart(12, '0')}`
    random.set(id, known)
    return known
  }
}
