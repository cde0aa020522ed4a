import type { MiddlewareHandler } from 'hono'
import type { Database } from '../db/client.ts'
import { findUsableKey } from '../db/keys.ts'
import { findUsableOperator } from '../db/operators.ts'
import { BillingError } from '../domain/errors.ts'
import type { Caller, CallerEnv } from './context.ts'
import { hashKey, isSameSecret } from './secrets.ts'

/** The operator whom the environment names; in the audit and in logs he has no other name. */
export const FIRST_OPERATOR = 'op_first'

export interface AuthenticateOptions {
  system: Database
  operatorKey: string
  livemode: boolean
}

/** Finds out whose key the request carries.
 *  @throws BillingError `key_missing`, `key_invalid`, `key_mode_mismatch`. */
export function authenticate(options: AuthenticateOptions): MiddlewareHandler<CallerEnv> {
  return async (c, next) => {
    const header = c.req.header('Authorization')
    const bearer = /^Bearer +([\x21-\x7e]{1,256})$/i.exec(header ?? '')?.[1]
    if (!bearer) throw new BillingError('key_missing')
    const caller = await callerOf(bearer, options)
    if (!caller) throw new BillingError('key_invalid')
    c.set('caller', caller)
    c.set('bearer', bearer)
    await next()
  }
}

async function callerOf(
  bearer: string,
  { system, operatorKey, livemode }: AuthenticateOptions,
): Promise<Caller | undefined> {
  if (isSameSecret(bearer, operatorKey))
    return { kind: 'operator', operatorId: FIRST_OPERATOR, role: 'admin' }
  if (bearer.startsWith('qk_operator_')) {
    const operator = await findUsableOperator(system, hashKey(bearer))
    return operator && { kind: 'operator', ...operator }
  }
  if (!/^qk_(test|live)_/.test(bearer)) return undefined
  const key = await findUsableKey(system, hashKey(bearer))
  if (!key) return undefined
  // Reading and charging with a key of the other mode would mix test money with real money.
  if (key.livemode !== livemode) throw new BillingError('key_mode_mismatch')
  return { kind: 'project', keyId: key.keyId, projectId: key.projectId }
}
