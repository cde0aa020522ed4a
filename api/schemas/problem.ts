import { z } from '@hono/zod-openapi'
import { PROBLEM_TYPE } from '../problem.ts'

export const problemSchema = z
  .looseObject({
    type: z.string().openapi({ example: '/docs/errors#invalid_request' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().openapi({ description: 'For programs: see /docs/errors.', example: 'invalid_request' }),
    request_id: z.string(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: 'One entry for each field that is wrong.' }),
  })
  .openapi('Problem')

const problem = (description: string) => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
})

/** What any endpoint of the API may answer instead. */
export const readProblems = {
  400: problem('A field is wrong, or the body is not JSON; `errors` names each field.'),
  401: problem('The key is missing, unknown, expired or revoked.'),
  403: problem('The key may not do this, or belongs to another project.'),
  404: problem('Not there, or not of this project.'),
  500: problem('A defect on our side.'),
  503: problem(
    'Something we stand on is unreachable. Nothing is lost: repeat the request after `Retry-After`.',
  ),
}

/** What any POST may answer besides. */
export const writeProblems = {
  ...readProblems,
  409: problem('A request with this idempotency key is still in progress; see `Retry-After`.'),
  413: problem('The body is too large.'),
  415: problem('The body is not application/json.'),
  422: problem(
    'The idempotency key was used with another request, or the payment provider refused this one.',
  ),
}

export const paymentProblems = {
  ...writeProblems,
  402: problem('The payment was declined.'),
  502: problem("The payment provider's answer is final and not the caller's fault."),
}

/** What a command on something that lives may answer besides. */
export const commandProblems = {
  ...paymentProblems,
  402: problem('The charge was declined, or needs the customer (`pay_url`): everything is as it was.'),
  409: problem('It cannot be done as things stand; `detail` says why and what may be done instead.'),
}

/** What asking something of a wallet may answer besides. */
export const walletProblems = {
  ...writeProblems,
  409: problem('The wallet is locked or holds too little (`available`), or the same request is in progress.'),
  422: problem(
    'The id was used before with other contents; or the idempotency key was, with another request.',
  ),
}
