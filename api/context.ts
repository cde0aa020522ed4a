import type { Logger } from 'pino'
import type { OperatorRole } from '../db/schema/index.ts'
import type { KeyId, ProjectId } from '../domain/ids.ts'

/** What is known of a request while it is served. */

export interface ProjectCaller {
  kind: 'project'
  keyId: KeyId
  projectId: ProjectId
}

export interface OperatorCaller {
  kind: 'operator'
  /** An operator's id, or the name of the first one, who is known by the environment only. */
  operatorId: string
  role: OperatorRole
}

export type Caller = ProjectCaller | OperatorCaller

/** Set for every request. */
export interface BaseEnv {
  Variables: { requestId: string; correlationId: string; log: Logger }
}

/** Set for every request of the API proper, once its key has been checked. */
export interface CallerEnv {
  Variables: BaseEnv['Variables'] & {
    caller: Caller
    /** The caller's key itself: answers are sealed under it. */
    bearer: string
  }
}

/** The project that a request acts for, and who acts: a key's or an operator's id, for the audit. */
export interface Tenant {
  projectId: ProjectId
  actor: string
}
