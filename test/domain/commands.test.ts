import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusalOf, type SubscriptionCommand } from '../../domain/commands.ts'
import { type ErrorCode, errorCatalog } from '../../domain/errors.ts'
import { type KnownSubscription, subscriptionStatuses } from '../../domain/subscription.ts'
import { knownAs } from '../support/snapshots.ts'

const DAY = 24 * 3_600_000
/** In the middle of the period. */
const now = 15 * DAY

const commands = {
  'change to another plan now': { kind: 'changePlan', planId: 'team', when: 'now' },
  'change to another plan at the period’s end': { kind: 'changePlan', planId: 'team', when: 'period_end' },
  'change to the same plan': { kind: 'changePlan', planId: 'pro', when: 'now' },
  'change the quantity': { kind: 'changePlan', planId: 'pro', when: 'now', quantity: 2 },
  'cancel now': { kind: 'cancel', at: 'now' },
  'cancel at the period’s end': { kind: 'cancel', at: 'period_end' },
  resume: { kind: 'resume' },
  pause: { kind: 'pause' },
  'pause until tomorrow': { kind: 'pause', until: now + DAY },
  'pause until yesterday': { kind: 'pause', until: now - DAY },
  'retry payment': { kind: 'retryPayment' },
} as const satisfies Record<string, SubscriptionCommand>
type CommandName = keyof typeof commands

const pendingChange = {
  planId: 'team',
  planVersion: 1,
  quantity: 1,
  when: 'period_end' as const,
  at: 30 * DAY,
}

/** A subscription in each state in which commands differ. */
const states = {
  sold: undefined,
  incomplete: knownAs({ status: 'incomplete' }),
  trialing: knownAs({ status: 'trialing', trialEnd: 30 * DAY }),
  active: knownAs(),
  'about to end': knownAs({ cancelAtPeriodEnd: true }),
  'about to change': knownAs({ pendingChange }),
  'being renewed': knownAs({ currentPeriodEnd: now }),
  'past due': knownAs({ status: 'past_due', openCases: 1 }),
  'past due without a case': knownAs({ status: 'past_due', graceEnded: true }),
  'past due and about to end': knownAs({ status: 'past_due', openCases: 1, cancelAtPeriodEnd: true }),
  paused: knownAs({ status: 'paused' }),
  'paused and about to end': knownAs({ status: 'paused', cancelAtPeriodEnd: true }),
  canceled: knownAs({ status: 'canceled' }),
} as const satisfies Record<string, KnownSubscription | undefined>
type StateName = keyof typeof states

const all = <Code extends ErrorCode>(code: Code): Record<CommandName, Code> =>
  Object.fromEntries(Object.keys(commands).map((name) => [name, code])) as Record<CommandName, Code>

/** What is refused in each state, and with which code; what is not named is done. */
const refused: Record<StateName, Partial<Record<CommandName, ErrorCode>>> = {
  sold: all('subscription_not_started'),
  incomplete: all('subscription_not_started'),
  trialing: {
    'change to the same plan': 'same_plan',
    resume: 'nothing_to_resume',
    pause: 'subscription_trialing',
    'pause until tomorrow': 'subscription_trialing',
    'pause until yesterday': 'subscription_trialing',
    'retry payment': 'nothing_to_collect',
  },
  active: {
    'change to the same plan': 'same_plan',
    resume: 'nothing_to_resume',
    'pause until yesterday': 'invalid_request',
    'retry payment': 'nothing_to_collect',
  },
  'about to end': {
    'change to another plan at the period’s end': 'subscription_ending',
    'change to the same plan': 'same_plan',
    'cancel at the period’s end': 'already_canceling',
    pause: 'subscription_ending',
    'pause until tomorrow': 'subscription_ending',
    'pause until yesterday': 'subscription_ending',
    'retry payment': 'nothing_to_collect',
  },
  // Naming the plan it is on takes the change back.
  'about to change': {
    resume: 'nothing_to_resume',
    'pause until yesterday': 'invalid_request',
    'retry payment': 'nothing_to_collect',
  },
  'being renewed': {
    'change to another plan now': 'renewal_under_way',
    'change to another plan at the period’s end': 'renewal_under_way',
    'change to the same plan': 'same_plan',
    'change the quantity': 'renewal_under_way',
    resume: 'nothing_to_resume',
    pause: 'renewal_under_way',
    'pause until tomorrow': 'renewal_under_way',
    'pause until yesterday': 'invalid_request',
    'retry payment': 'nothing_to_collect',
  },
  'past due': {
    'change to another plan now': 'subscription_past_due',
    'change to another plan at the period’s end': 'subscription_past_due',
    'change to the same plan': 'subscription_past_due',
    'change the quantity': 'subscription_past_due',
    resume: 'nothing_to_resume',
    pause: 'subscription_past_due',
    'pause until tomorrow': 'subscription_past_due',
    'pause until yesterday': 'subscription_past_due',
  },
  'past due without a case': {
    'change to another plan now': 'subscription_past_due',
    'change to another plan at the period’s end': 'subscription_past_due',
    'change to the same plan': 'subscription_past_due',
    'change the quantity': 'subscription_past_due',
    resume: 'nothing_to_resume',
    pause: 'subscription_past_due',
    'pause until tomorrow': 'subscription_past_due',
    'pause until yesterday': 'subscription_past_due',
    'retry payment': 'nothing_to_collect',
  },
  'past due and about to end': {
    'change to another plan now': 'subscription_past_due',
    'change to another plan at the period’s end': 'subscription_past_due',
    'change to the same plan': 'subscription_past_due',
    'change the quantity': 'subscription_past_due',
    'cancel at the period’s end': 'already_canceling',
    pause: 'subscription_past_due',
    'pause until tomorrow': 'subscription_past_due',
    'pause until yesterday': 'subscription_past_due',
  },
  paused: {
    'change to another plan now': 'subscription_paused',
    'change to another plan at the period’s end': 'subscription_paused',
    'change to the same plan': 'subscription_paused',
    'change the quantity': 'subscription_paused',
    pause: 'already_paused',
    'pause until tomorrow': 'already_paused',
    'pause until yesterday': 'already_paused',
    'retry payment': 'nothing_to_collect',
  },
  'paused and about to end': {
    'change to another plan now': 'subscription_paused',
    'change to another plan at the period’s end': 'subscription_paused',
    'change to the same plan': 'subscription_paused',
    'change the quantity': 'subscription_paused',
    'cancel at the period’s end': 'already_canceling',
    pause: 'already_paused',
    'pause until tomorrow': 'already_paused',
    'pause until yesterday': 'already_paused',
    'retry payment': 'nothing_to_collect',
  },
  canceled: all('subscription_ended'),
}

describe.each(Object.keys(states) as StateName[])('a subscription that is %s', (name) => {
  it.each(Object.keys(commands) as CommandName[])('answers "%s" as the table says', (command) => {
    expect(refusalOf(commands[command], states[name], now)?.code).toBe(refused[name][command])
  })
})

describe('a refusal', () => {
  const anyKnown = fc.record({
    status: fc.constantFrom(...subscriptionStatuses),
    cancelAtPeriodEnd: fc.boolean(),
    openCases: fc.nat({ max: 2 }),
    graceEnded: fc.boolean(),
    quantity: fc.integer({ min: 1, max: 3 }),
  })
  const anyCommand = fc.constantFrom<SubscriptionCommand>(...Object.values(commands))

  it('always says why in whole sentences, under a code of the catalogue that asking again does not change', () => {
    fc.assert(
      fc.property(anyCommand, anyKnown, fc.integer({ min: 0, max: 60 * DAY }), (command, known, at) => {
        const refusal = refusalOf(command, knownAs(known), at)
        if (!refusal) return
        expect(errorCatalog[refusal.code].retryable).toBe(false)
        expect(refusal.detail).toMatch(/^[A-Z"].*\.$/)
      }),
    )
  })

  it('names the invoices that nobody tries any more, for whoever asks to try them again', () => {
    const left = knownAs({ status: 'past_due', graceEnded: true, leftUnpaid: ['in_1', 'in_2'] })
    expect(refusalOf({ kind: 'retryPayment' }, left, now)?.detail).toContain('in_1, in_2')
  })

  it('is what a pause gets that ends this very moment', () => {
    expect(refusalOf({ kind: 'pause', until: now }, knownAs(), now)?.code).toBe('invalid_request')
    expect(refusalOf({ kind: 'pause', until: now + 1 }, knownAs(), now)).toBeUndefined()
  })

  it('never keeps anybody from ending a running subscription now', () => {
    fc.assert(
      fc.property(anyKnown, (known) => {
        const isRunning = known.status !== 'incomplete' && known.status !== 'canceled'
        const refusal = refusalOf({ kind: 'cancel', at: 'now' }, knownAs(known), now)
        expect(refusal === undefined).toBe(isRunning)
      }),
    )
  })
})
