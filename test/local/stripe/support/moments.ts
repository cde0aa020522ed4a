const minute_s = 60
const day_s = 86_400

/** A number between 2001 and 2096 in a field of Stripe's is a moment in seconds; no amount in the flows is as large. */
export const looksLikeMoment = (value: unknown): value is number =>
  typeof value === 'number' && value > 1_000_000_000 && value < 4_000_000_000

/**
 * A moment by its distance from the beginning of its flow, in calendar terms, so that a month of 31 days equals a
 * month of 30. Flows take some seconds, so a minute of slack is given everywhere.
 */
export function describeMoment(moment_s: number, start_s: number): string {
  const distance_s = moment_s - start_s
  if (Math.abs(distance_s) <= minute_s) return 'at once'
  for (let months = 1; months <= 24; months++)
    if (Math.abs(monthsLater(start_s, months) - moment_s) <= minute_s) return `${months} months later`
  // What happens at midnight is a number of dates away, whatever time of the day the flow began at.
  if (moment_s % day_s === 0) return `midnight, ${moment_s / day_s - Math.floor(start_s / day_s)} dates later`
  const days = Math.round(distance_s / day_s)
  if (Math.abs(distance_s - days * day_s) <= minute_s) return `${days} days later`
  return `${Math.round(distance_s / minute_s)} minutes later`
}

/** The same day and time of a later month, or its last day where that month is shorter. */
function monthsLater(start_s: number, months: number): number {
  const start = new Date(start_s * 1000)
  const wanted = new Date(start)
  wanted.setUTCMonth(start.getUTCMonth() + months)
  if (wanted.getUTCDate() !== start.getUTCDate()) wanted.setUTCDate(0)
  return wanted.getTime() / 1000
}

/** `10 Nov 2025` within a wording, as days from the beginning of the flow. */
export const relativeDates = (text: string, start_s: number): string =>
  text.replaceAll(/\b\d{1,2} [A-Z][a-z]{2} \d{4}\b/g, (date) => {
    const startOfDay_s = Math.floor(start_s / day_s) * day_s
    return `(${Math.round((Date.parse(`${date} UTC`) / 1000 - startOfDay_s) / day_s)} days later)`
  })
