import type { Collection } from './collection.ts'
import { Heap } from './heap.ts'

/** Something that will happen by itself, such as a session that expires. */
export interface Appointment {
  id: string
  /** Seconds since 1970, by the test clock it hangs on or in real time. */
  at: number
  job: string
  subject: string
  clock: string | null
}

/** What is done when an appointment comes. Of what is due in the same second, the job listed first comes first. */
export type Jobs = Record<string, (subject: string) => void>

interface Place {
  at: number
  rank: number
  order: number
  id: string
}

const isBefore = (a: Place, b: Place): boolean =>
  a.at === b.at ? (a.rank === b.rank ? a.order < b.order : a.rank < b.rank) : a.at < b.at

const realTime = ''

/** What is to happen later, in real time or on a test clock. It is kept with the rest of the state, so a restart
 *  forgets nothing; the queues are made of it when they are first needed. */
export class Agenda {
  readonly #appointments: Collection<Appointment>
  readonly #queues = new Map<string, Heap<Place>>()
  #order = 0
  #jobs: Jobs = {}
  #ranks = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined

  constructor(appointments: Collection<Appointment>) {
    this.#appointments = appointments
  }

  /** Plans a job, or plans it anew for another time. */
  plan(job: string, subject: string, at: number, clock: string | null = null): void {
    const id = `${job}/${subject}`
    const planned = this.#appointments.get(id)
    if (planned?.at === at) return
    if (planned) this.#appointments.change(planned, { at })
    const appointment = planned ?? this.#appointments.insert({ id, at, job, subject, clock })
    const queue = this.#queues.get(clock ?? realTime)
    if (queue) this.#enqueue(queue, appointment)
    if (clock === null && at <= now() && this.#timer) this.#soon ??= setImmediate(() => this.#runDue())
  }

  cancel(job: string, subject: string): void {
    const planned = this.#appointments.get(`${job}/${subject}`)
    if (planned) this.#appointments.remove(planned)
  }

  /** When the next appointment on a clock is. */
  nextOn(clock: string): number | undefined {
    return this.#next(clock)?.at
  }

  /** Does what comes next on a clock. */
  runNextOn(clock: string): void {
    const next = this.#next(clock)
    if (next) this.#run(next)
  }

  /** Does at once what was to happen later. */
  runNow(appointment: Appointment): void {
    if (this.#appointments.get(appointment.id) === appointment) this.#run(appointment)
  }

  /** Forgets all that was to happen on a clock. */
  forget(clock: string): void {
    for (const appointment of this.#appointments.where('clock', clock)) this.#appointments.remove(appointment)
    this.#queues.delete(clock)
  }

  /** Looks several times a second for what is due in real time; what is planned for now is done at once. */
  start(jobs: Jobs): void {
    this.#jobs = jobs
    this.#ranks = new Map(Object.keys(jobs).map((job, rank) => [job, rank]))
    this.#timer = setInterval(() => this.#runDue(), 200).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#soon)
    this.#timer = undefined
  }

  /** What is due now and no more: a job that plans another for now lets the calls in between be answered first. */
  #runDue(): void {
    this.#soon = undefined
    const due: Appointment[] = []
    for (;;) {
      const next = this.#next(realTime)
      if (!next || next.at > now()) break
      this.#queueOf(realTime).pop()
      due.push(next)
    }
    for (const appointment of due) {
      if (this.#appointments.get(appointment.id) !== appointment) continue
      try {
        this.#run(appointment)
      } catch (error) {
        console.error('The local Stripe failed at', appointment.id, error)
      }
    }
  }

  #run(appointment: Appointment): void {
    this.#appointments.remove(appointment)
    this.#jobs[appointment.job]?.(appointment.subject)
  }

  /** The earliest appointment that still holds. Places of those that were moved or called off are dropped on the way. */
  #next(clock: string): Appointment | undefined {
    const queue = this.#queueOf(clock)
    for (let place = queue.first; place; place = queue.first) {
      const appointment = this.#appointments.get(place.id)
      if (appointment?.at === place.at) return appointment
      queue.pop()
    }
    return undefined
  }

  #queueOf(clock: string): Heap<Place> {
    const known = this.#queues.get(clock)
    if (known) return known
    const queue = new Heap(isBefore)
    this.#queues.set(clock, queue)
    for (const appointment of this.#appointments.where('clock', clock)) this.#enqueue(queue, appointment)
    return queue
  }

  #enqueue(queue: Heap<Place>, { id, at, job }: Appointment): void {
    this.#order += 1
    queue.push({ at, rank: this.#ranks.get(job) ?? 0, order: this.#order, id })
  }
}

const now = (): number => Date.now() / 1000
