import type { Account } from '../account.ts'
import type { Parsed, Shape } from './parameters.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

export interface Call<P> {
  account: Account
  params: P
  /** The part of the path that the route names, such as `customer` in `/v1/customers/:customer`. */
  path: (name: string) => string
}

export interface Route {
  method: Method
  template: string
  shape: Shape
  handle: (call: Call<Record<string, unknown>>) => object
}

/** Describes one call: its parameters are checked by the shape before the handler sees them. */
export function route<S extends Shape>(
  method: Method,
  template: string,
  shape: S,
  handle: (call: Call<Parsed<S>>) => object,
): Route {
  return { method, template, shape, handle: handle as Route['handle'] }
}

export interface Match {
  route: Route
  values: Record<string, string>
}

/** Finds the route of a path. A literal segment is preferred over a named one, as in `/v1/customers/search`. */
export class Router {
  readonly #routes = new Map<string, { segments: string[]; route: Route }[]>()

  constructor(routes: Route[]) {
    for (const one of routes) {
      const segments = one.template.split('/').slice(1)
      const key = keyOf(one.method, segments.length)
      const known = this.#routes.get(key) ?? []
      this.#routes.set(key, known)
      known.push({ segments, route: one })
    }
    for (const known of this.#routes.values())
      known.sort((a, b) => Number(a.segments.some(isNamed)) - Number(b.segments.some(isNamed)))
  }

  find(method: string, path: string): Match | undefined {
    const segments = path.split('/').slice(1)
    for (const { segments: wanted, route } of this.#routes.get(keyOf(method, segments.length)) ?? []) {
      const values: Record<string, string> = {}
      const fits = wanted.every((segment, index) => {
        const given = segments[index] ?? ''
        if (!isNamed(segment)) return segment === given
        values[segment.slice(1)] = decode(given)
        return given !== ''
      })
      if (fits) return { route, values }
    }
    return undefined
  }
}

const keyOf = (method: string, segments: number): string => `${method} ${segments}`
const isNamed = (segment: string): boolean => segment.startsWith(':')

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
