import { Collections } from './collections.ts'
import { newEvent, type StoredEvent } from './objects/event.ts'
import { previousAttributes } from './objects/previous-attributes.ts'
import { defaultSettings, type Settings } from './objects/settings.ts'
import type { TestClock } from './objects/test-clock.ts'
import { present, type StripeObject } from './present.ts'
import { Agenda } from './store/agenda.ts'
import type { Journal } from './store/journal.ts'
import { Rehearsal } from './store/rehearsal.ts'

/** The request that causes what happens now; nobody's for what happens by itself or on the hosted page. */
export interface Cause {
  id: string | null
  idempotency_key: string | null
}

export const nobody: Cause = { id: null, idempotency_key: null }

/** One Stripe account: everything it holds, what time it is for whom, and what happens next. */
export class Account extends Collections {
  /** Where the hosted page is reached; set when the server listens. */
  baseUrl = 'http://127.0.0.1'
  cause: Cause = nobody
  readonly agenda: Agenda
  readonly #rehearsal: Rehearsal
  #silent = false
  #announce: (event: StoredEvent) => void = () => {}

  constructor(journal: Journal) {
    const rehearsal = new Rehearsal()
    super(journal, rehearsal)
    this.#rehearsal = rehearsal
    this.agenda = new Agenda(this.appointments)
  }

  get settings(): Settings {
    const { id: _id, ...settings } = this.keptSettings.get('settings') ?? {
      id: 'settings',
      ...defaultSettings,
    }
    return settings
  }

  changeSettings(changes: Partial<Settings>): void {
    const kept =
      this.keptSettings.get('settings') ?? this.keptSettings.insert({ id: 'settings', ...defaultSettings })
    this.keptSettings.change(kept, changes)
  }

  /** The time for a customer and all that is theirs: that of their test clock, if they hang on one. */
  now(owner?: { test_clock: string | null }): number {
    const clock = owner?.test_clock ? this.testClocks.get(owner.test_clock) : undefined
    return clock?.frozen_time ?? Math.floor(Date.now() / 1000)
  }

  /** The time for the customer of this id. */
  nowOf(customer: string | null): number {
    return this.now(customer ? this.customers.get(customer) : undefined)
  }

  /** The test clock that an object hangs on, by itself or by what it belongs to. */
  clockOf(object: StripeObject): TestClock | undefined {
    const owned = object as Partial<
      Record<'test_clock' | 'charge' | 'customer' | 'invoice' | 'subscription', string | null>
    >
    const owner =
      this.customers.get(owned.customer ?? this.charges.get(owned.charge ?? '')?.customer ?? '') ??
      this.invoices.get(owned.invoice ?? '') ??
      this.subscriptions.get(owned.subscription ?? '')
    return this.testClocks.get(owned.test_clock ?? owner?.test_clock ?? '')
  }

  /** Records that something happened to an object, as it is at this moment. `previous` has the values
   *  that an update has changed. */
  emit(type: string, object: StripeObject, previous?: object): void {
    if (this.#rehearsal.running || this.#silent) return
    const shown = present(this, object)
    const event = newEvent({
      type,
      created: this.clockOf(object)?.frozen_time ?? this.now(),
      recorded: this.now(),
      about: object.id,
      data: JSON.stringify({
        object: shown,
        ...(previous && { previous_attributes: previousAttributes(previous, shown) }),
      }),
      request: this.cause,
    })
    this.events.insert(event)
    this.#forgetOldEvents()
    this.#announce(event)
  }

  /** Does something for its outcome alone, as a preview wants it: nothing of it stays, and nobody is told.
   *  Stored objects are as before when it ends, so what is returned must be copied from them. */
  rehearse<T>(work: () => T): T {
    return this.#rehearsal.run(work)
  }

  /** Does something that nobody hears of, and what follows from it within seconds as well: events that got lost. */
  silently<T>(work: () => T): T {
    const planned = new Set(this.appointments.all())
    const before = this.#silent
    this.#silent = true
    try {
      const result = work()
      const fresh = this.appointments.all().filter((one) => !planned.has(one))
      for (const appointment of fresh)
        if (appointment.at <= this.now({ test_clock: appointment.clock }) + soonSeconds)
          this.agenda.runNow(appointment)
      return result
    } finally {
      this.#silent = before
    }
  }

  onEvent(announce: (event: StoredEvent) => void): void {
    this.#announce = announce
  }

  /** Stripe lists events of the last 30 days; their number is bounded here as well. */
  #forgetOldEvents(): void {
    const oldest = this.events.all()[0]
    if (!oldest) return
    if (this.events.size > maxEvents || oldest.recorded < Date.now() / 1000 - eventSeconds)
      this.events.remove(oldest)
  }
}

const soonSeconds = 5
const maxEvents = 100_000
const eventSeconds = 30 * 24 * 60 * 60
