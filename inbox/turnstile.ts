/** Lets so many through at once and so many more wait in line; whoever comes then is turned away. */
export interface Turnstile {
  /** @returns what the work returns, or `undefined` when it was turned away and not begun. */
  pass<Result>(work: () => Promise<Result>): Promise<Result | undefined>
}

export function createTurnstile({
  concurrency,
  waiting,
}: {
  concurrency: number
  waiting: number
}): Turnstile {
  const line: (() => void)[] = []
  let inside = 0
  return {
    async pass(work) {
      if (inside >= concurrency) {
        if (line.length >= waiting) return undefined
        await new Promise<void>((enter) => void line.push(enter))
      } else {
        inside += 1
      }
      try {
        return await work()
      } finally {
        // Who leaves gives the place to the next in line, so that nobody slips in between.
        const next = line.shift()
        if (next) next()
        else inside -= 1
      }
    },
  }
}
