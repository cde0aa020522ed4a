/** What the demo shows: lines that stay, and in a terminal one line below them that tells what is under way. */

import { setTimeout as sleep } from 'node:timers/promises'

export interface Screen {
  chapter(title: string): void
  /** A moment to read what has been printed. */
  rest(): Promise<void>
  /** What is about to happen, in a sentence. Whoever watches gets the time to read it. */
  say(words: string): Promise<void>
  /** What has come of it. */
  result(words: string): void
  /** A line of a list: something that was told or recorded, with its own colour. */
  line(kind: LineKind, words: string): void
  heading(words: string): void
  /** Shows that something is under way until it is done. */
  during<Result>(what: string, work: Promise<Result>): Promise<Result>
  /** Leaves the terminal as it should be found. */
  end(): void
}

export type LineKind = 'event' | 'record' | 'link'

interface Output {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** How long a sentence stays alone in a terminal, and how long a list. */
const sentence_ms = (words: string): number => 300 + words.length * 12
const LIST_MS = 3_000

export function createScreen(
  output: Output,
  { noColour = false, fast = false }: { noColour?: boolean; fast?: boolean } = {},
): Screen {
  const isLive = output.isTTY === true
  const paint = (code: string) => (words: string) =>
    isLive && !noColour ? `\u001B[${code}m${words}\u001B[0m` : words
  const bold = paint('1')
  const dim = paint('2')
  let status = ''

  const clear = () => {
    if (isLive && status !== '') output.write('\r\u001B[K')
  }
  const drawStatus = () => {
    if (!isLive || status === '') return
    output.write(`\r\u001B[K${paint('33')(status.slice(0, (output.columns ?? 80) - 1))}`)
  }
  const print = (text: string) => {
    clear()
    output.write(`${text}\n`)
    drawStatus()
  }
  const wait = async (time_ms: number) => {
    if (isLive && !fast) await sleep(time_ms)
  }
  const marks: Record<LineKind, (words: string) => string> = {
    event: (words) => `  ${paint('36')('kafka')}  ${words}`,
    record: (words) => `  ${dim('·')} ${words}`,
    link: (words) => `  ${paint('34')('→')} ${words}`,
  }

  return {
    chapter: (title) => print(`\n${bold(title)}\n`),
    rest: () => wait(LIST_MS),
    async say(words) {
      print(words)
      await wait(sentence_ms(words))
    },
    result: (words) => print(`  ${paint('32')('✓')} ${words}`),
    line: (kind, words) => print(marks[kind](words)),
    heading: (words) => print(`\n  ${dim(words)}`),
    async during(what, work) {
      const since = Date.now()
      const draw = () => {
        const passed_s = (Date.now() - since) / 1_000
        const frame = frames[Math.floor(passed_s * 10) % frames.length] ?? ''
        status = `  ${frame} ${what} … ${passed_s.toFixed(1)} s`
        drawStatus()
      }
      const timer = isLive ? setInterval(draw, 100) : undefined
      try {
        return await work
      } finally {
        clearInterval(timer)
        clear()
        status = ''
      }
    },
    end: () => {
      clear()
      status = ''
    },
  }
}

const frames = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'
