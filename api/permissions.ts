import type { OperatorRole } from '../db/schema/index.ts'
import type { Caller } from './context.ts'

/** Who may do what. */

export type Permission =
  | 'read'
  | 'start_payments'
  | 'manage_subscriptions'
  | 'refund'
  | 'approve_refunds'
  | 'use_credits'
  | 'manage_wallets'
  | 'move_test_clocks'
  | 'reconcile'
  | 'manage_projects'
  | 'manage_keys'
  | 'manage_operators'

/** A project's key does the project's daily business. It cannot make keys: a stolen one would outlive its revocation. */
const ofProjectKeys: readonly Permission[] = [
  'read',
  'start_payments',
  'manage_subscriptions',
  'refund',
  'use_credits',
  'move_test_clocks',
]

const ofOperators: Record<OperatorRole, readonly Permission[]> = {
  viewer: ['read'],
  support: [
    'read',
    'start_payments',
    'manage_subscriptions',
    'refund',
    'approve_refunds',
    'use_credits',
    'manage_wallets',
    'move_test_clocks',
    'reconcile',
  ],
  admin: [
    'read',
    'start_payments',
    'manage_subscriptions',
    'refund',
    'approve_refunds',
    'use_credits',
    'manage_wallets',
    'move_test_clocks',
    'reconcile',
    'manage_projects',
    'manage_keys',
    'manage_operators',
  ],
}

export function may(caller: Caller, permission: Permission): boolean {
  return (caller.kind === 'project' ? ofProjectKeys : ofOperators[caller.role]).includes(permission)
}
