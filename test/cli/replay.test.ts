/** `npm run replay` as whoever is about to deploy sees it. */

import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { RefundView } from '../../activities/follow-refund.ts'
import { deriveId } from '../../db/mint-id.ts'
import { refundStart } from '../../inbox/starts.ts'
import { freePorts } from '../../local/ports.ts'
import { state } from '../../workflows/messages.ts'
import { withoutActivity } from '../support/altered-workflows.ts'
import { eventually } from '../support/eventually.ts'
import { npmRun } from '../support/npm-run.ts'
import { startPlayedWorkers } from '../support/played-workers.ts'
import { createNamespace, part } from '../support/stack.ts'

const projectId = deriveId('prj', 'replayed')

const onItsWay: RefundView = {
  status: 'pending',
  amount: 4_900,
  currency: 'brl',
  requestedBy: 'key_1',
  requestedAt: Date.now(),
}

/** Refunds that wait for a bank, begun by workers of a release. */
async function begin(server: { address: string; namespace: string }, code: string, names: string[]) {
  const { client, play, stop } = await startPlayedWorkers(server, { code })
  play({ openRefund: async () => true, followRefund: async () => onItsWay })
  for (const name of names) {
    const handle = await client.workflow.start('refund', startOf(name))
    await eventually('it waits', async () => (await handle.query(state)).until)
  }
  await stop()
}
const startOf = (name: string) =>
  refundStart({
    projectId,
    refundId: deriveId('rfd', name),
    userId: 'user-1',
    correlationId: 'test',
    clockId: null,
    opening: { kind: 'dashboard', stripeRefundId: `re_${name}`, ownerId: deriveId('pay', name) },
  })

it('says that nothing breaks, and names what would, and where', async () => {
  const code = await readFile(part('workflowBundle').file, 'utf8')
  const server = await createNamespace()
  const where = ['--address', server.address, '--namespace', server.namespace]
  await begin(server, code, ['one', 'two', 'three'])
  const same = await npmRun('replay', ...where)
  expect(same.output).toContain('3 replayed, 0 would break')
  expect(same.code).toBe(0)

  // To whatever a release has begun that did something else, this checkout is an incompatible change.
  await begin(server, withoutActivity(code, 'openRefund', true), ['strange'])
  const changed = await npmRun('replay', ...where, '--query', 'WorkflowType = "refund"')
  expect(changed.output).toContain(
    `${startOf('strange').workflowId} would break: at event 5 followRefund was called; this code calls openRefund instead.`,
  )
  expect(changed.output).toContain('4 replayed, 1 would break')
  expect(changed.code).toBe(1)

  const narrowed = await npmRun('replay', ...where, '--query', 'WorkflowType = "dunning"')
  expect(narrowed).toMatchObject({ code: 0, output: expect.stringContaining('0 replayed') as string })
})

it('says so when no server answers', async () => {
  const [port = 0] = await freePorts(1)
  const { code, output } = await npmRun('replay', '--address', `127.0.0.1:${port}`)
  expect(output).toContain(`Temporal cannot be reached at 127.0.0.1:${port}`)
  expect(code).toBe(2)
})
