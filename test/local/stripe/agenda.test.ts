import { afterEach, describe, expect, it, vi } from 'vitest'
import { Agenda, type Appointment } from '../../../local/stripe/store/agenda.ts'
import { Collection } from '../../../local/stripe/store/collection.ts'
import { Heap } from '../../../local/stripe/store/heap.ts'
import { Rehearsal } from '../../../local/stripe/store/rehearsal.ts'

const clock = 'clock_1'

describe('the agenda', () => {
  let agenda: Agenda | undefined
  afterEach(() => {
    agenda?.stop()
    vi.useRealTimers()
  })

  const open = (done: string[], appointments = kept()) => {
    const job = (name: string) => (subject: string) => {
      done.push(`${name} ${subject}`)
    }
    agenda = new Agenda(appointments)
    agenda.start({ cancel: job('cancel'), renew: job('renew') })
    return agenda
  }
  const kept = () => {
    const rehearsal = new Rehearsal()
    return new Collection<Appointment>('appointment', () => {}, rehearsal, {
      clock: (one) => one.clock ?? '',
    })
  }
  const runAll = (on: Agenda) => {
    const times: number[] = []
    for (let at = on.nextOn(clock); at !== undefined; at = on.nextOn(clock)) {
      times.push(at)
      on.runNextOn(clock)
    }
    return times
  }

  it('does what is due in order of time, and in one second in the order of the jobs', () => {
    const done: string[] = []
    const opened = open(done)
    opened.plan('renew', 'a', 20, clock)
    opened.plan('renew', 'b', 10, clock)
    opened.plan('cancel', 'c', 20, clock)
    opened.plan('renew', 'd', 20, clock)
    expect(runAll(opened)).toEqual([10, 20, 20, 20])
    expect(done).toEqual(['renew b', 'cancel c', 'renew a', 'renew d'])
  })

  it('plans anew, calls off, and forgets a clock with all that was planned on it', () => {
    const done: string[] = []
    const opened = open(done)
    opened.plan('renew', 'a', 10, clock)
    opened.plan('renew', 'b', 20, clock)
    opened.plan('renew', 'a', 30, clock)
    opened.plan('renew', 'c', 5, clock)
    opened.cancel('renew', 'c')
    expect(runAll(opened)).toEqual([20, 30])
    expect(done).toEqual(['renew b', 'renew a'])
    opened.plan('renew', 'd', 40, clock)
    opened.forget(clock)
    expect(opened.nextOn(clock)).toBeUndefined()
  })

  it('finds what was kept from before, on the clock and in real time', async () => {
    const appointments = kept()
    appointments.insert({ id: 'renew/a', at: 10, job: 'renew', subject: 'a', clock })
    appointments.insert({ id: 'cancel/b', at: 10, job: 'cancel', subject: 'b', clock: null })
    const done: string[] = []
    const opened = open(done, appointments)
    expect(opened.nextOn(clock)).toBe(10)
    await vi.waitFor(() => expect(done).toEqual(['cancel b']))
    expect(opened.nextOn(clock)).toBe(10)
  })

  it('does at once what is planned for now in real time, and leaves alone what comes later', async () => {
    const done: string[] = []
    const opened = open(done)
    opened.plan('renew', 'later', Date.now() / 1000 + 60)
    opened.plan('renew', 'now', Date.now() / 1000)
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).toEqual(['renew now'])
  })
})

describe('a heap', () => {
  it('gives back what was put in, the smallest first', () => {
    const heap = new Heap<number>((a, b) => a < b)
    const numbers = Array.from({ length: 500 }, (_, index) => (index * 7919) % 263)
    for (const number of numbers) heap.push(number)
    const found: number[] = []
    for (let next = heap.pop(); next !== undefined; next = heap.pop()) found.push(next)
    expect(found).toEqual(numbers.toSorted((a, b) => a - b))
  })
})
