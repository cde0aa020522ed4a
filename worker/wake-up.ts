/** Sleep that a wake-up call ends early. A call that comes while nobody sleeps shortens the next sleep to nothing. */
export interface WakeUp {
  call: () => void
  sleep: (limit_ms: number) => Promise<void>
}

export function createWakeUp(): WakeUp {
  let called = false
  let end: (() => void) | undefined
  return {
    call() {
      called = true
      end?.()
    },
    async sleep(limit_ms) {
      if (!called)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, limit_ms)
          end = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      end = undefined
      called = false
    },
  }
}

/** 1, 2, 4, … times the first wait, up to the longest. */
export function backOff(
  failures: number,
  { first_ms, longest_ms }: { first_ms: number; longest_ms: number },
): number {
  return Math.min(first_ms * 2 ** Math.min(failures - 1, 20), longest_ms)
}
