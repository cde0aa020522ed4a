/** Lets something be done for its outcome alone: all that it wrote is taken back before anyone else can see it. */
export class Rehearsal {
  #undo: (() => void)[] | undefined

  get running(): boolean {
    return this.#undo !== undefined
  }

  /** Keeps how to take back what was just written. */
  remember(undo: () => void): void {
    this.#undo?.push(undo)
  }

  /** @returns what the work returns, which must be copied from stored objects: they are as before when it ends. */
  run<T>(work: () => T): T {
    if (this.#undo) throw new Error('A rehearsal is running already')
    const steps: (() => void)[] = []
    this.#undo = steps
    try {
      return work()
    } finally {
      this.#undo = undefined
      for (const undo of steps.toReversed()) undo()
    }
  }
}
