import type { Stored } from '../store/collection.ts'
import { badParameter } from './errors.ts'

interface Clause {
  negated: boolean
  field: string
  key: string | undefined
  operator: ':' | '~' | '>' | '<' | '>=' | '<='
  value: string
}

/** Stripe's search language: `email:'a@b.c' AND metadata['user']:'u1'`, with `-` for not and `~` for contains. */
export function search(
  objects: readonly Stored[],
  { query, limit = 10, page }: { query: string; limit?: number | undefined; page?: string | undefined },
  url: string,
): object {
  const { clauses, any } = parse(query)
  const fits = (object: Stored): boolean =>
    any ? clauses.some((clause) => holds(object, clause)) : clauses.every((clause) => holds(object, clause))
  const found = objects.filter(fits).toReversed()
  const from = page === undefined ? 0 : Number(page)
  const next = from + limit < found.length ? String(from + limit) : null
  return {
    object: 'search_result',
    data: found.slice(from, from + limit),
    has_more: next !== null,
    next_page: next,
    url,
  }
}

const clausePattern =
  /(-)?(\w+)(?:\[(?:"([^"]+)"|'([^']+)')\])?\s*(:|~|>=|<=|>|<)\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+))/y

function parse(query: string): { clauses: Clause[]; any: boolean } {
  const clauses: Clause[] = []
  const joints = new Set<string>()
  let rest = query.trim()
  while (rest !== '') {
    clausePattern.lastIndex = 0
    const match = clausePattern.exec(rest)
    if (!match) throw notUnderstood(query)
    const [whole, minus, field = '', doubleKey, singleKey, operator, double, single, bare] = match
    clauses.push({
      negated: minus !== undefined,
      field,
      key: doubleKey ?? singleKey,
      operator: operator as Clause['operator'],
      value: (double ?? single ?? bare ?? '').replaceAll(/\\(.)/g, '$1'),
    })
    rest = rest.slice(whole.length).trim()
    const joint = /^(AND|OR)\s+/i.exec(rest)
    if (joint) {
      joints.add(joint[1]?.toUpperCase() ?? '')
      rest = rest.slice(joint[0].length)
    }
  }
  if (clauses.length === 0 || joints.size > 1) throw notUnderstood(query)
  return { clauses, any: joints.has('OR') }
}

const notUnderstood = (query: string) =>
  badParameter(
    `We were unable to parse your search query. Try using the format \`metadata["key"]:"value"\` or \`email:"value"\`. Your query was: ${query}`,
    { param: 'query' },
  )

function holds(object: object, { negated, field, key, operator, value }: Clause): boolean {
  const whole = (object as Record<string, unknown>)[field]
  const found = key === undefined ? whole : (whole as Record<string, unknown> | undefined)?.[key]
  return compare(found, operator, value) !== negated
}

function compare(found: unknown, operator: Clause['operator'], value: string): boolean {
  if (value === 'null') return found === null || found === undefined
  if (typeof found !== 'string' && typeof found !== 'number' && typeof found !== 'boolean') return false
  switch (operator) {
    case ':':
      return String(found).toLowerCase() === value.toLowerCase()
    case '~':
      return String(found).toLowerCase().includes(value.toLowerCase())
    case '>':
      return Number(found) > Number(value)
    case '<':
      return Number(found) < Number(value)
    case '>=':
      return Number(found) >= Number(value)
    case '<=':
      return Number(found) <= Number(value)
  }
}
