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

/** Waits until a loop has ended, but no longer than that: what it holds is left to whoever takes over. */
export async function waitForEnd(loop: Promise<void>, limit_ms: number): Promise<void> {
  await Promise.race([loop, new Promise((resolve) => setTimeout(resolve, limit_ms).unref())])
}
