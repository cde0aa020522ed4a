/** A parameter as it came: text, or a hash of more. Lists are hashes whose keys are numbers. */
export type Raw = string | RawHash
export interface RawHash {
  [key: string]: Raw
}

const emptyHash = (): RawHash => Object.create(null) as RawHash

/** Reads a form body or a query string with Rails-like brackets: `items[0][price]=p`, `expand[]=a&expand[]=b`. */
export function parseForm(text: string): RawHash {
  const root = emptyHash()
  if (text === '') return root
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1))
    place(root, keysOf(name), value)
  }
  return root
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

/** `a[b][]` is `['a', 'b', '']`. */
function keysOf(name: string): string[] {
  const bracket = name.indexOf('[')
  if (bracket <= 0 || !name.endsWith(']')) return [name]
  return [name.slice(0, bracket), ...name.slice(bracket + 1, -1).split('][')]
}

function place(hash: RawHash, keys: string[], value: string): void {
  let at = hash
  for (const [depth, given] of keys.entries()) {
    const last = depth === keys.length - 1
    const key = given === '' ? nextIndex(at, keys[depth + 1]) : given
    const found = at[key]
    if (last) at[key] = value
    else if (found === undefined || typeof found === 'string') at = at[key] = emptyHash()
    else at = found
  }
}

/** `a[][b]=1&a[][c]=2` describes one element until a field of it comes again. */
function nextIndex(list: RawHash, field: string | undefined): string {
  const count = Object.keys(list).length
  const last = list[String(count - 1)]
  const sameElement =
    field !== undefined && field !== '' && last !== undefined && typeof last !== 'string' && !(field in last)
  return String(sameElement ? count - 1 : count)
}
