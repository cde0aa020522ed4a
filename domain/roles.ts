import { hasAccess, type SubscriptionStatus } from './subscription.ts'

/** Roles add up over a user's subscriptions: a role is held as long as one subscription that gives access carries it. */
export function heldRoles(
  subscriptions: { status: SubscriptionStatus; graceEnded: boolean; roles: string[] }[],
): string[] {
  const held = subscriptions.filter(hasAccess).flatMap(({ roles }) => roles)
  return [...new Set(held)].toSorted()
}

/** What must be told when the held roles change. */
export function roleChanges(before: string[], after: string[]): { granted: string[]; revoked: string[] } {
  return {
    granted: after.filter((role) => !before.includes(role)).toSorted(),
    revoked: before.filter((role) => !after.includes(role)).toSorted(),
  }
}
