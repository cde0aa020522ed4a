import type { Collection } from './collection.ts'

/** Something that will happen by itself, such as a session that expires. */
export interface Appointment {
  id: string
  /** Seconds since 1970. */
  at: number
  job: string
  subject: string
}

/** What is to happen later. It is kept with the rest of the state, so a restart forgets nothing. */
export class Agenda {
  readonly #appointments: Collection<Appointment>
  #timer: NodeJS.Timeout | undefined

  constructor(appointments: Collection<Appointment>) {
    this.#appointments = appointments
  }

  /** Plans a job, or plans it anew for another time. */
  plan(job: string, subject: string, at: number): void {
    const id = `${job}/${subject}`
    const planned = this.#appointments.get(id)
    if (planned) this.#appointments.change(planned, { at })
    else this.#appointments.insert({ id, at, job, subject })
  }

  cancel(job: string, subject: string): void {
    const planned = this.#appointments.get(`${job}/${subject}`)
    if (planned) this.#appointments.remove(planned)
  }

  /** Looks several times a second for what is due; the earliest comes first. */
  start(jobs: Record<string, (subject: string) => void>): void {
    this.#timer = setInterval(() => this.#runDue(jobs), 200).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #runDue(jobs: Record<string, (subject: string) => void>): void {
    const now = Date.now() / 1000
    const due = this.#appointments.all().filter(({ at }) => at <= now)
    for (const appointment of due.toSorted((a, b) => a.at - b.at)) {
      this.#appointments.remove(appointment)
      jobs[appointment.job]?.(appointment.subject)
    }
  }
}
