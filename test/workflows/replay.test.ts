import { readFile } from 'node:fs/promises'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, it } from 'vitest'
import { explainBreak } from '../../scripts/explain-break.ts'
import * as workflows from '../../workflows/index.ts'
import { withoutActivity, withSwapped } from '../support/altered-workflows.ts'
import { groupBy } from '../support/group-by.ts'
import { activityNames } from '../support/played-activities.ts'
import { part } from '../support/stack.ts'
import { answersIn, type Recorded, readRecorded } from './recorded-histories.ts'
import { recordedWays } from './recorded-ways.ts'

// What runs for years is carried on by code that was written later. These histories were recorded from real runs (see
// `scripts/record-histories.ts`); the code of today must do in each of them what was done then.

const recorded = readRecorded()

let code: string
beforeAll(async () => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  })
  code = await readFile(part('workflowBundle').file, 'utf8')
})

const replay = ({ history, workflowId }: Recorded, bundle: string): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle: { code: bundle } }, history, workflowId)

describe('a recorded history', () => {
  it('is carried on by the code of today', async () => {
    const left = recorded.values()
    const broken: string[] = []
    for await (const { error } of Worker.runReplayHistories({ workflowBundle: { code } }, recorded)) {
      const { file, history } = left.next().value ?? {}
      if (error) broken.push(`${file}: ${explainBreak(error, history)}`)
    }
    expect(broken).toEqual([])
    expect(left.next().done).toBe(true)
  })

  it('is there for each workflow and each way it can go', () => {
    expect(Object.keys(recordedWays)).toEqual(Object.keys(workflows).toSorted())
    const byType = groupBy(recorded, ({ workflowType }) => workflowType)
    for (const [type, ways] of Object.entries(recordedWays)) {
      expect({ type, ways }).not.toEqual({ type, ways: [] })
      const stories = ways.map((way) => `${inWords(type)}-${way}`)
      expect([...new Set(byType.get(type)?.map(({ story }) => story))].toSorted()).toEqual(stories)
    }
  })

  it('is there for each activity that workflows call', () => {
    const called = new Set(recorded.flatMap(({ history }) => [...answersIn(history).keys()]))
    expect([...called].toSorted()).toEqual(activityNames.toSorted())
  })

  it('holds nothing of the machine it was recorded on', () => {
    const payloads = (text: string) =>
      [...text.matchAll(/"data":"([^"]+)"/g)].map(([, data = '']) => Buffer.from(data, 'base64').toString())
    const telling = recorded.filter(({ text }) =>
      /node_modules|file:|\.ts:\d|[^"\s]+@(?!1\.)[\w-]+/.test([text, ...payloads(text)].join('\n')),
    )
    expect(telling.map(({ file }) => file)).toEqual([])
  })

  it('is short enough to be read', () => {
    const long = recorded.filter(({ text }) => text.length > 150_000)
    expect(long.map(({ file }) => file)).toEqual([])
  })
})

/** `payment-method` */
const inWords = (type: string): string => type.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

describe('a change that history does not know', () => {
  /** In words, as `npm run replay` says it. */
  const reasonOf = async (found: Recorded, altered: string): Promise<string> => {
    const error: unknown = await replay(found, altered).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(DeterminismViolationError)
    return error instanceof Error ? explainBreak(error, found.history) : ''
  }

  it.each(activityNames)('is noticed and said: %s is no longer called', async (activity) => {
    const found = recorded.findLast(({ history }) => answersIn(history).has(activity))
    if (!found) throw new Error(`no history calls ${activity}`)
    const reason = await reasonOf(
      found,
      withoutActivity(code, activity, answersIn(found.history).get(activity)),
    )
    expect(reason).toMatch(/^at event \d+ .+; this code (?!goes on with).+\.$/)
  })

  it.each([
    ['checkout-paid', 'openCheckout', 'readCheckout'],
    ['dunning-paid-by-a-new-card', 'lookAtCase', 'attemptPayment'],
    ['refund-from-the-dashboard', 'openRefund', 'followRefund'],
    ['payment-method-saved', 'openSetupPage', 'followSetupPage'],
    ['reconcile-completed', 'beginReconciling', 'reconcileStep'],
    ['subscription-trial-announced', 'followSubscription', 'recordTrialNotice'],
  ] as const)('is noticed and said: in %s, %s and %s change places', async (story, first, second) => {
    const found = recorded.findLast((candidate) => candidate.story === story)
    if (!found) throw new Error(`there is no history of ${story}`)
    const reason = await reasonOf(found, withSwapped(code, [first, second]))
    expect(reason).toMatch(/^at (?:event|one of the events) [\d, ]+ /)
    expect(reason).toContain(`${first} was called; this code calls ${second} instead.`)
  })
})
