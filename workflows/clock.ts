/** The only place where a workflow asks for the time. Milliseconds since 1970, the same in every replay: it is the time of
 *  the workflow task, so it stands still while code runs. */
export function now(): number {
  return Date.now()
}

/** `2026-03-14 09:30 UTC`, for people. */
export function describeTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
