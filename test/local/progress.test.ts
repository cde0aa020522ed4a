import { describe, expect, it } from 'vitest'
import { createProgress } from '../../local/progress.ts'

function fakeOutput(isTTY: boolean): { stream: NodeJS.WriteStream; written: () => string } {
  let text = ''
  const stream = {
    isTTY,
    columns: 80,
    write: (chunk: string) => (text += chunk),
  } as unknown as NodeJS.WriteStream
  return { stream, written: () => text }
}

describe('progress', () => {
  it('prints a line per piece of news where there is no terminal, and not each number', () => {
    const { stream, written } = fakeOutput(false)
    const progress = createProgress(stream, ['kafka'])
    progress.say('kafka', 'fetching, 1 MB')
    progress.say('kafka', 'fetching, 2 MB')
    progress.say('kafka', 'starting')
    progress.done('kafka', 'on port 9092')
    progress.finish()
    progress.say('kafka', 'starting')
    progress.note('kafka is back')
    expect(written().replaceAll(/\d+\.\d s/g, 'N s')).toBe(
      '  … kafka  fetching, 1 MB\n  … kafka  starting\n  ✓ kafka  on port 9092 (N s)\nkafka is back\n',
    )
  })

  it('draws its lines over each other in a terminal, and notes above them', () => {
    const { stream, written } = fakeOutput(true)
    const progress = createProgress(stream, ['kafka', 'api'])
    progress.say('kafka', 'fetching, 1 MB')
    progress.note('Port 3000 is taken')
    progress.failed('api', 'no port\nand more')
    expect(screenOf(written())).toEqual([
      'Port 3000 is taken',
      '  … kafka  fetching, 1 MB',
      '  ✗ api    no port',
    ])
  })
})

/** What a terminal shows after the output: knows the few sequences that are used. */
function screenOf(output: string): string[] {
  const lines: string[] = ['']
  let row = 0
  // The escape character cannot stand in a pattern, so another one stands for it.
  for (const [token] of output.replaceAll('\u001B', '^').matchAll(/\^\[\d*[A-Zm]|\n|[^^\n]+/g)) {
    const up = /^\^\[(\d+)A$/.exec(token)
    if (up) row -= Number(up[1])
    else if (token === '^[J') lines.splice(row, lines.length, '')
    else if (token === '\n') lines[++row] ??= ''
    else if (!token.startsWith('^')) lines[row] = token
  }
  return lines.filter((line) => line.trim() !== '')
}
