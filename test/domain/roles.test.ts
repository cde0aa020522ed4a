import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heldRoles, roleChanges } from '../../domain/roles.ts'
import { hasAccess, subscriptionStatuses } from '../../domain/subscription.ts'

const role = fc.constantFrom<string>('pro', 'team', 'audit', 'beta')
const subscription = fc.record({
  status: fc.constantFrom(...subscriptionStatuses),
  graceEnded: fc.boolean(),
  roles: fc.array(role, { maxLength: 4 }),
})
const subscriptions = fc.array(subscription, { maxLength: 5 })

describe('the roles a user holds', () => {
  it('are those of every subscription that gives access, each once', () => {
    fc.assert(
      fc.property(subscriptions, (all) => {
        const held = heldRoles(all)
        expect(new Set(held).size).toBe(held.length)
        for (const name of ['pro', 'team', 'audit', 'beta'])
          expect(held.includes(name)).toBe(all.some((one) => hasAccess(one) && one.roles.includes(name)))
      }),
    )
  })

  it('do not depend on the order of subscriptions', () => {
    fc.assert(
      fc.property(
        subscriptions.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => {
          expect(heldRoles(shuffled)).toEqual(heldRoles(all))
        },
      ),
    )
  })

  it('stay while another subscription carries them', () => {
    const pro = { status: 'active' as const, graceEnded: false, roles: ['pro'] }
    const team = { status: 'past_due' as const, graceEnded: false, roles: ['pro', 'team'] }
    expect(heldRoles([pro, team])).toEqual(['pro', 'team'])
    expect(heldRoles([{ ...pro, status: 'canceled' }, team])).toEqual(['pro', 'team'])
    expect(heldRoles([pro, { ...team, status: 'canceled' }])).toEqual(['pro'])
    expect(heldRoles([{ ...pro, status: 'paused' }])).toEqual([])
    expect(heldRoles([pro, { ...team, graceEnded: true }])).toEqual(['pro'])
  })
})

describe('what is told when they change', () => {
  const roles = fc.uniqueArray(role)

  it('leads from what was held to what is held, and tells nothing twice', () => {
    fc.assert(
      fc.property(roles, roles, (before, after) => {
        const { granted, revoked } = roleChanges(before, after)
        const held = new Set([...before, ...granted].filter((name) => !revoked.includes(name)))
        expect([...held].toSorted()).toEqual([...after].toSorted())
        expect(granted.some((name) => before.includes(name))).toBe(false)
        expect(revoked.some((name) => after.includes(name))).toBe(false)
      }),
    )
  })

  it('is nothing when nothing has changed', () => {
    fc.assert(
      fc.property(roles, (held) => {
        expect(roleChanges(held, [...held].toReversed())).toEqual({ granted: [], revoked: [] })
      }),
    )
  })
})
