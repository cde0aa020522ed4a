/** What goes wrong on demand, as mail servers do. Set with `POST /_local/faults`, ended with `DELETE`. */
export interface MailFaults {
  /** Addresses that are refused for good (550), as recipient and as sender, as if they did not exist. */
  refuse: string[]
  /** How often, from 0 to 1, a mail is put off (451), as a busy server does. */
  busy: number
  /** How often a mail is taken and the connection then broken, so that the sender cannot know. */
  lost_answer: number
}

export const noFaults: MailFaults = { refuse: [], busy: 0, lost_answer: 0 }

/** @throws TypeError naming what is not understood: a fault that is silently ignored makes a test prove nothing. */
export function parseFaults(input: unknown): MailFaults {
  if (typeof input !== 'object' || input === null) throw new TypeError('faults are a JSON object')
  for (const name of Object.keys(input))
    if (!Object.hasOwn(noFaults, name))
      throw new TypeError(
        `there is no fault ${JSON.stringify(name)}, only ${Object.keys(noFaults).join(', ')}`,
      )
  const { refuse, busy, lost_answer } = { ...noFaults, ...input } as Record<keyof MailFaults, unknown>
  if (!Array.isArray(refuse) || !refuse.every((address) => typeof address === 'string'))
    throw new TypeError('refuse is a list of addresses')
  return { refuse, busy: probability('busy', busy), lost_answer: probability('lost_answer', lost_answer) }
}

function probability(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw new TypeError(`${name} is a number from 0 to 1`)
  return value
}

export const happens = (chance: number): boolean => Math.random() < chance
