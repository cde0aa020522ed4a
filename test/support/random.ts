/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** So many of the items, chosen by chance and in their order; all where there are no more. */
export function sample<Item>(random: () => number, items: readonly Item[], count: number): Item[] {
  const left = items.map((_, index) => index)
  while (left.length > count) left.splice(Math.floor(random() * left.length), 1)
  return left.flatMap((index) => items.slice(index, index + 1))
}
