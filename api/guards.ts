import { createMiddleware } from 'hono/factory'
import type { Context } from 'hono'
import type { Database } from '../db/client.ts'
import { projectExists } from '../db/projects.ts'
import { BillingError } from '../domain/errors.ts'
import { isId, type ProjectId } from '../domain/ids.ts'
import { ACCOUNT_BOOK } from '../domain/ledger.ts'
import type { Caller, CallerEnv, OperatorCaller, Tenant } from './context.ts'
import { may, type Permission } from './permissions.ts'

/** What a route demands of its caller, before its input is even looked at. */

export interface TenantEnv {
  Variables: { tenant: Tenant }
}

export interface OperatorEnv {
  Variables: { operator: OperatorCaller }
}

/** For routes that work inside one project: the key's own, or the one an operator names.
 *  @param pathParameter where the path itself names the project. */
export function forProject(
  { system }: { system: Database },
  permission: Permission,
  pathParameter?: 'project_id' | 'app_id',
) {
  return createMiddleware<CallerEnv & TenantEnv>(async (c, next) => {
    const { caller } = c.var
    const projectId = namedProject(c, caller, pathParameter)
    if (caller.kind === 'operator' && !(await projectExists(system, projectId)))
      throw new BillingError('project_not_found')
    demand(caller, permission)
    // The book of the Stripe account is there to be read.
    if (projectId === ACCOUNT_BOOK && permission !== 'read') throw new BillingError('project_not_found')
    c.set('tenant', { projectId, actor: caller.kind === 'project' ? caller.keyId : caller.operatorId })
    await next()
  })
}

/** For routes that concern the whole installation. */
export function forOperator(permission: Permission) {
  return createMiddleware<CallerEnv & OperatorEnv>(async (c, next) => {
    const { caller } = c.var
    if (caller.kind !== 'operator') throw new BillingError('operator_required')
    demand(caller, permission)
    c.set('operator', caller)
    await next()
  })
}

function namedProject(c: Context, caller: Caller, pathParameter: string | undefined): ProjectId {
  const inHeader = c.req.header('X-Project-ID')
  const inPath = pathParameter && c.req.param(pathParameter)
  if (caller.kind === 'project') {
    if (inHeader !== undefined && inHeader !== caller.projectId) throw new BillingError('project_mismatch')
    // A path names an object, and somebody else's object is not there.
    if (inPath !== undefined && inPath !== caller.projectId) throw new BillingError('project_not_found')
    return caller.projectId
  }
  if (inPath !== undefined && inHeader !== undefined && inPath !== inHeader)
    throw new BillingError('project_mismatch', {
      detail: 'X-Project-ID names another project than the path. Leave the header out.',
    })
  const named = inPath ?? inHeader
  if (named === undefined) throw new BillingError('project_required')
  if (!isId('prj', named)) throw new BillingError('project_not_found')
  return named
}

function demand(caller: Caller, permission: Permission): void {
  if (may(caller, permission)) return
  throw new BillingError(caller.kind === 'operator' ? 'operator_role_insufficient' : 'operator_required')
}
