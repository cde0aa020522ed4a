import { BillingError, type FieldProblem } from '../domain/errors.ts'

/** What of zod's issues we read; structural, because the validators hand over one of several error classes. */
interface Issue {
  code?: string
  path: PropertyKey[]
  message: string
  keys?: string[]
}

const MAX_PROBLEMS = 50

/** Turns the first look at a request's fields into a refusal that names each of them.
 *  @throws BillingError `invalid_request`. */
export function refuseInvalid(result: { success: boolean; error?: { issues: Issue[] } }): void {
  if (result.success) return
  // A value may break several checks of one rule, which is told once.
  const byPath = new Map<string, FieldProblem>()
  for (const problem of (result.error?.issues ?? []).flatMap(problemsOf)) {
    if (!byPath.has(problem.path)) byPath.set(problem.path, problem)
  }
  throw new BillingError('invalid_request', { fields: [...byPath.values()].slice(0, MAX_PROBLEMS) })
}

function problemsOf({ code, path, message, keys }: Issue): FieldProblem[] {
  if (code === 'unrecognized_keys')
    return (keys ?? []).map((key) => {
      const name = [...path, key].map(String).join('.')
      return { path: name, message: `${name} is not a field of this request; remove it or mend its name.` }
    })
  const name = path.map(String).join('.')
  return [{ path: name, message: `${name === '' ? 'The body' : name} ${message}` }]
}
