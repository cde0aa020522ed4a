/** The built workflows as they would be after a change that running ones cannot follow. */

const SCHEDULING = /function schedule(?:Local)?Activity\(activityType, args, options, typeInfo\) \{\n/g

/** An activity is no longer called: its answer is known. */
export const withoutActivity = (code: string, activity: string, answer: unknown): string =>
  altered(
    code,
    `if (activityType === '${activity}') return Promise.resolve(${JSON.stringify(answer) ?? 'undefined'});`,
  )

/** Each of two activities is called where the other one was. */
export const withSwapped = (code: string, [one, other]: [string, string]): string =>
  altered(code, `activityType = { ${one}: '${other}', ${other}: '${one}' }[activityType] ?? activityType;`)

/** Both kinds of activities are scheduled by a function of the SDK, which is in the bundle as it was published. */
function altered(code: string, statement: string): string {
  const places = code.match(SCHEDULING)?.length ?? 0
  if (places !== 2)
    throw new Error(`the SDK schedules activities at ${places} places, not at the two known ones`)
  return code.replace(SCHEDULING, (head) => `${head}    ${statement}\n`)
}
