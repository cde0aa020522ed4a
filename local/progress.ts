/** Shows how far each part of the stack is: live lines in a terminal, plain lines elsewhere. */

export interface Progress {
  /** What the part is doing now. */
  say: (part: string, words: string) => void
  done: (part: string, words: string) => void
  failed: (part: string, words: string) => void
  /** A line of its own, above the live ones. */
  note: (words: string) => void
  /** Leaves the lines as they are; from then on only notes are shown. */
  finish: () => void
}

type State = 'waiting' | 'working' | 'done' | 'failed'

interface Row {
  state: State
  words: string
  saidAt: number
}

const marks: Record<State, string> = { waiting: ' ', working: '…', done: '✓', failed: '✗' }
const colours: Record<State, string> = { waiting: '90', working: '33', done: '32', failed: '31' }

/** Numbers change too often to print a line for each in a log. */
const plainPauseMs = 5_000

export function createProgress(output: NodeJS.WriteStream, parts: string[]): Progress {
  const startedAt = Date.now()
  const width = Math.max(...parts.map((part) => part.length))
  const rows = new Map<string, Row>(parts.map((part) => [part, { state: 'waiting', words: '', saidAt: 0 }]))
  let shown = 0
  let isFinished = false

  const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`
  const draw = () => {
    const lines = [...rows].map(([part, { state, words }]) => {
      const line = `  ${marks[state]} ${part.padEnd(width)}  ${words.split('\n')[0]}`.slice(
        0,
        output.columns - 1,
      )
      return `\u001B[${colours[state]}m${line}\u001B[0m\u001B[K\n`
    })
    output.write(`${shown > 0 ? `\u001B[${shown}A` : ''}${lines.join('')}`)
    shown = lines.length
  }
  const set = (part: string, state: State, words: string) => {
    const before = rows.get(part)
    if (isFinished) return
    if (before?.state === state && before.words === words) return
    const isNews = before?.state !== state || withoutNumbers(before.words) !== withoutNumbers(words)
    const isDue = Date.now() - (before?.saidAt ?? 0) > plainPauseMs
    rows.set(part, { state, words, saidAt: isNews || isDue ? Date.now() : (before?.saidAt ?? 0) })
    if (output.isTTY) draw()
    else if (isNews || isDue)
      output.write(`  ${marks[state]} ${part.padEnd(width)}  ${words.split('\n')[0]}\n`)
  }

  return {
    say: (part, words) => set(part, 'working', words),
    done: (part, words) => set(part, 'done', `${words} (${seconds()})`),
    failed: (part, words) => set(part, 'failed', words),
    note(words) {
      const isLive = output.isTTY && !isFinished
      if (isLive && shown > 0) output.write(`\u001B[${shown}A\u001B[J`)
      shown = 0
      output.write(`${words}\n`)
      if (isLive) draw()
    },
    finish() {
      isFinished = true
    },
  }
}

const withoutNumbers = (words: string): string => words.replaceAll(/\d+(\.\d+)?/g, '')
