/** Gives back what was put in, the smallest first. */
export class Heap<T> {
  readonly #isBefore: (a: T, b: T) => boolean
  readonly #entries: T[] = []

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get first(): T | undefined {
    return this.#entries[0]
  }

  push(entry: T): void {
    const entries = this.#entries
    let at = entries.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = entries[parent] as T
      if (!this.#isBefore(entry, above)) break
      entries[at] = above
      at = parent
    }
    entries[at] = entry
  }

  pop(): T | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (entries.length > 0 && last !== undefined) this.#sink(last)
    return first
  }

  /** Puts an entry into the hole at the top and lets it down to its place. */
  #sink(entry: T): void {
    const entries = this.#entries
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= entries.length) break
      const right = left + 1
      const [a, b] = [entries[left] as T, entries[right] as T]
      const smaller = right < entries.length && this.#isBefore(b, a) ? right : left
      const child = entries[smaller] as T
      if (!this.#isBefore(child, entry)) break
      entries[at] = child
      at = smaller
    }
    entries[at] = entry
  }
}
