import { type WorkflowHandle, WithStartWorkflowOperation } from '@temporalio/client'
import type { ReconcileProgress } from '../../activities/reconcile/index.ts'
import type { ClockView } from '../../activities/test-clocks.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { catalogStart, reconcileStart, testClockStart } from '../../inbox/starts.ts'
import type { PlayedActivities } from '../../test/support/played-activities.ts'
import { advanceTestClock, testClockOpened } from '../../workflows/messages.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import { handedOver, operatorRetries, operatorSkips, parked } from './telling.ts'

/** Test clocks, the comparison of books, and prices: what serves all customers. */

const refuse = () => {
  throw new BillingError('provider_refused')
}
const TARGET = OPENED_AT + 30 * DAY
const atRest: ClockView = { frozenTime: OPENED_AT, targetTime: OPENED_AT, status: 'ready' }
const arrived = async () => ({ frozenTime: TARGET, settled: true })
const onTheWay = async () => ({ frozenTime: OPENED_AT + DAY, settled: false })

/** A test clock, started by whoever makes it or moves it. */
function newClock(stage: PlayedStage, played: PlayedActivities) {
  const { name, client, projectId } = stage
  const setTestClock = async () => {}
  const play = (changed: PlayedActivities) =>
    stage.play({
      openTestClock: async () => atRest,
      playTestClock: arrived,
      setTestClock,
      recordOperatorAction: async () => true,
      ...played,
      ...changed,
    })
  play({})
  const start = testClockStart(projectId, deriveId('clk', 'recorded', name))
  return {
    play,
    handle: client.workflow.getHandle(start.workflowId),
    begin: () => client.workflow.start('testClock', start),
    open: () =>
      client.workflow.executeUpdateWithStart(testClockOpened, {
        updateId: 'open',
        startWorkflowOperation: new WithStartWorkflowOperation('testClock', start),
      }),
    advance: async () => {
      const operation = new WithStartWorkflowOperation('testClock', start)
      await client.workflow.executeUpdateWithStart(advanceTestClock, {
        args: [{ targetTime: TARGET }],
        updateId: 'advance',
        startWorkflowOperation: operation,
      })
      return operation.workflowHandle()
    },
  }
}

const running: ReconcileProgress = {
  status: 'running',
  stage: 'charges',
  cursor: 'ch_1',
  compared: 100,
  differences: 1,
  needPerson: 0,
}
const completed: ReconcileProgress = { ...running, status: 'completed', stage: 'balance', cursor: null }

function compare(stage: PlayedStage, reconcileStep: () => ReconcileProgress, runs = stage.name) {
  stage.play({
    beginReconciling: async () => runs,
    reconcileStep: async () => reconcileStep(),
    recordOperatorAction: async () => true,
  })
  return stage.client.workflow.start('reconcile', reconcileStart(stage.name, 'op_recording'))
}

async function publish(stage: PlayedStage, decide: (handle: WorkflowHandle) => Promise<unknown>) {
  const projectId = deriveId('prj', 'recorded', stage.name)
  const handle = await stage.client.workflow.start('catalog', catalogStart(projectId))
  await parked(handle)
  await decide(handle)
  await handle.result()
  return handle
}

export const upkeepStories: Record<string, PlayedStory> = {
  async 'test-clock-opened'(stage) {
    const { handle, open } = newClock(stage, {})
    await open()
    await handle.result()
    return handle
  },

  async 'test-clock-advanced'(stage) {
    const { handle, advance } = newClock(stage, {})
    await advance()
    await handle.result()
    return handle
  },

  async 'test-clock-taken-up-on-its-way'(stage) {
    const underWay: ClockView = { frozenTime: OPENED_AT, targetTime: TARGET, status: 'advancing' }
    const { handle, begin } = newClock(stage, { openTestClock: async () => underWay })
    await begin()
    await handle.result()
    return handle
  },

  async 'test-clock-parked-and-retried'(stage) {
    const { handle, play, advance } = newClock(stage, { playTestClock: refuse })
    await advance()
    await parked(handle)
    play({ playTestClock: arrived })
    await operatorRetries(handle)
    await handle.result()
    return handle
  },

  async 'test-clock-parked-and-skipped'(stage) {
    const { handle, advance } = newClock(stage, { playTestClock: refuse })
    await advance()
    await parked(handle)
    await operatorSkips(handle)
    await handle.result()
    return handle
  },

  async 'test-clock-never-made'(stage) {
    const { handle, begin } = newClock(stage, { openTestClock: refuse })
    await begin()
    await parked(handle)
    await operatorSkips(handle)
    await handle.result()
    return handle
  },

  async 'test-clock-carried-on'(stage) {
    const { advance } = newClock(stage, { playTestClock: onTheWay })
    const handle = await advance()
    return handedOver(stage.name, handle)
  },

  async 'reconcile-completed'(stage) {
    const steps = [running, running]
    const handle = await compare(stage, () => steps.shift() ?? completed)
    await handle.result()
    return handle
  },

  async 'reconcile-while-another-runs'(stage) {
    const handle = await compare(stage, () => completed, 'another')
    await handle.result()
    return handle
  },

  async 'reconcile-parked-and-retried'(stage) {
    let step: () => ReconcileProgress = refuse
    const handle = await compare(stage, () => step())
    await parked(handle)
    step = () => completed
    await operatorRetries(handle)
    await handle.result()
    return handle
  },

  async 'reconcile-parked-and-skipped'(stage) {
    const handle = await compare(stage, refuse)
    await parked(handle)
    await operatorSkips(handle)
    await handle.result()
    return handle
  },

  async 'reconcile-carried-on'(stage) {
    const handle = await compare(stage, () => running)
    return handedOver(stage.name, handle)
  },

  'catalog-parked-and-retried'(stage) {
    let publishCatalog: () => Promise<{ published: number }> = refuse
    stage.play({ publishCatalog: () => publishCatalog(), recordOperatorAction: async () => true })
    return publish(stage, (handle) => {
      publishCatalog = async () => ({ published: 1 })
      return operatorRetries(handle)
    })
  },

  'catalog-parked-and-skipped'(stage) {
    stage.play({ publishCatalog: refuse, recordOperatorAction: async () => true })
    return publish(stage, operatorSkips)
  },
}
