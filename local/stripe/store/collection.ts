import { isDeepStrictEqual } from 'node:util'
import type { Rehearsal } from './rehearsal.ts'

export interface Stored {
  id: string
}

/** Tells the journal that an object was written or, when it is gone, removed. */
export type Changed = (collection: string, id: string) => void

/** The value under which an object is found by an index, or undefined when it is in none. */
export type IndexedValue<T> = (object: T) => string | null | undefined

/** All objects of one kind: by id, in order of creation, and by the fields that lists filter on. */
export class Collection<T extends Stored> {
  readonly name: string
  readonly #changed: Changed
  readonly #rehearsal: Rehearsal
  readonly #byId = new Map<string, T>()
  readonly #inOrder: T[] = []
  /** The number by which each object came, so that indexes can keep their order. */
  readonly #numbers = new WeakMap<T, number>()
  #lastNumber = 0
  readonly #indexes: [string, IndexedValue<T>, Entries<T>][]

  constructor(
    name: string,
    changed: Changed,
    rehearsal: Rehearsal,
    indexes: Record<string, IndexedValue<T>> = {},
  ) {
    this.name = name
    this.#changed = changed
    this.#rehearsal = rehearsal
    this.#indexes = Object.entries(indexes).map(([field, value]) => [field, value, new Map()])
  }

  get size(): number {
    return this.#inOrder.length
  }

  get(id: string): T | undefined {
    return this.#byId.get(id)
  }

  /** @throws when it is missing, which is a mistake of ours: whatever a caller names is looked up with `get`. */
  must(id: string): T {
    const object = this.#byId.get(id)
    if (!object) throw new Error(`The ${this.name} ${id} is gone`)
    return object
  }

  insert(object: T): T {
    this.restore(object)
    this.#written(object, () => this.#drop(object))
    return object
  }

  /** Takes an object back from the journal, without writing it there again. */
  restore(object: T): void {
    this.#byId.set(object.id, object)
    this.#inOrder.push(object)
    this.#numbers.set(object, (this.#lastNumber += 1))
    this.#index(object)
  }

  /** Changes fields of an object in place.
   *  @returns the former values of those that differ, as an event's `previous_attributes` lists them. */
  change(object: T, patch: Partial<T>): Partial<T> {
    const previous = this.#set(object, patch)
    this.#written(object, () => this.#set(object, previous))
    return previous
  }

  remove(object: T): void {
    const at = this.#drop(object)
    this.#written(object, () => this.#putBack(object, at))
  }

  /** In order of creation. */
  all(): readonly T[] {
    return this.#inOrder
  }

  /** Those whose indexed field has this value, in order of creation. */
  where(field: string, value: string): T[] {
    const index = this.#indexes.find(([name]) => name === field)
    if (!index) throw new Error(`${this.name} has no index on ${field}`)
    return [...(index[2].get(value) ?? [])]
  }

  hasIndex(field: string): boolean {
    return this.#indexes.some(([name]) => name === field)
  }

  /** Whatever is written goes to the journal, unless it is only rehearsed. */
  #written(object: T, undo: () => void): void {
    if (this.#rehearsal.running) this.#rehearsal.remember(undo)
    else this.#changed(this.name, object.id)
  }

  #set(object: T, patch: Partial<T>): Partial<T> {
    const previous: Partial<T> = {}
    const indexedBefore = this.#indexes.map(([, valueOf]) => valueOf(object))
    for (const field of Object.keys(patch) as (keyof T)[]) {
      if (isDeepStrictEqual(object[field], patch[field])) continue
      previous[field] = object[field]
      object[field] = patch[field] as T[keyof T]
    }
    for (const [index, [, valueOf, entries]] of this.#indexes.entries()) {
      const [before, now] = [indexedBefore[index], valueOf(object)]
      if (before === now) continue
      leave(entries, before, object)
      this.#enter(entries, now, object)
    }
    return previous
  }

  /** @returns where it was. */
  #drop(object: T): number {
    for (const [, valueOf, entries] of this.#indexes) leave(entries, valueOf(object), object)
    this.#byId.delete(object.id)
    // What goes is nearly always the oldest or one of the newest.
    const at = this.#inOrder[0] === object ? 0 : this.#inOrder.lastIndexOf(object)
    this.#inOrder.splice(at, 1)
    return at
  }

  #putBack(object: T, at: number): void {
    this.#byId.set(object.id, object)
    this.#inOrder.splice(at, 0, object)
    this.#index(object)
  }

  #index(object: T): void {
    for (const [, valueOf, entries] of this.#indexes) this.#enter(entries, valueOf(object), object)
  }

  /** Whoever is not the newest takes its place among those that are there already. */
  #enter(entries: Entries<T>, value: string | null | undefined, object: T): void {
    if (value === null || value === undefined) return
    const found = entries.get(value)
    if (!found) entries.set(value, new Set([object]))
    else if (this.#numberOf(object) === this.#lastNumber) found.add(object)
    else
      entries.set(
        value,
        new Set([...found, object].toSorted((a, b) => this.#numberOf(a) - this.#numberOf(b))),
      )
  }

  #numberOf(object: T): number {
    return this.#numbers.get(object) ?? 0
  }
}

type Entries<T> = Map<string, Set<T>>

function leave<T>(entries: Entries<T>, value: string | null | undefined, object: T): void {
  if (value === null || value === undefined) return
  const found = entries.get(value)
  found?.delete(object)
  if (found?.size === 0) entries.delete(value)
}
