import type { Locator } from 'playwright-core'
import { eventually } from '../../test/support/eventually.ts'
import { later } from '../../test/support/test-clock.ts'
import type { Acme } from './acme.ts'
import type { TemporalUi } from './temporal-ui.ts'

/** The pictures of `docs/operators.md`, in the order of its walk. */

interface Taking {
  acme: Acme
  ui: TemporalUi
}

const listed = ['Workflow ID', 'QuittanceUser', 'QuittancePlan', 'QuittanceStatus']

/** Unpaid invoices: finding one, reading it, deciding about it. */
export async function takeDunning({ acme, ui }: Taking): Promise<void> {
  const bento = await acme.fail('bento', 'pro')
  await acme.fail('carla', 'enterprise')
  const { workflowId } = bento
  // The first retry, with its notice, was left out.
  const reason = 'Talked to the customer, who pays on Friday.'
  await acme.update(workflowId, 'skip', { reason, by: 'marta' })
  await acme.update(workflowId, 'skip', { reason, by: 'marta' })

  await ui.openList('QuittanceStatus = "past_due"', listed)
  await ui.take('past-due', wholeList(ui))

  await ui.openWorkflow(workflowId)
  await graph(ui).getByText('retry 2 of 3').first().waitFor()
  const heading = ui.page.getByRole('heading', { name: 'Timeline' })
  await ui.take('case-timeline', { from: heading, to: graph(ui) })
  await ui.openDetails('Retry 2 of 3 on')
  await ui.take('case', { from: title(ui), to: details(ui) })

  const dialog = await ui.chooseAction('Send an Update')
  await chooseUpdate(dialog, 'retry')
  await writePayload(ui, dialog, { reason: 'The bank has lifted its limit.', by: 'marta' })
  await ui.takeDialog('send-retry', dialog)
  await dialog.getByRole('button', { name: 'Submit' }).click()
  await eventually('what was sent is in the timeline', async () => {
    const entries = await acme.timeline(bento.subscriptionId)
    return entries.some(({ by, why }) => by === 'marta' && why.startsWith('The bank has lifted'))
  })

  await ui.openWorkflow(`subscription/${bento.subscriptionId}`)
  const updates = await ui.chooseAction('Send an Update')
  await openUpdates(updates)
  await ui.takeDialog('subscription-updates', updates)
}

/** An activity that goes on failing, and a reset. */
export async function takeRepairs({ acme, ui }: Taking): Promise<void> {
  const { workflowId } = await acme.fail('davi', 'pro')
  await acme.stripe.faults({ api: { error_500: 1, paths: ['/v1/invoices'] } })
  const asked = acme.update(workflowId, 'retry', { reason: 'A new card was promised.', by: 'marta' })
  await eventually(
    'the activity has failed some times',
    async () => {
      const { raw } = await acme.describe(workflowId)
      return (raw.pendingActivities?.[0]?.attempt ?? 0) >= 4
    },
    { within_ms: 60_000 },
  )
  await ui.openWorkflow(workflowId)
  await ui.openTab('Pending Activities')
  await ui.page.getByText('attemptPayment').first().waitFor()
  await ui.take('pending-activity', { from: tabs(ui), to: failure(ui) })
  await acme.stripe.endFaults()
  await asked

  const reset = await ui.chooseAction('Reset')
  await reset.getByRole('button').nth(1).click()
  await ui.page.getByRole('option', { name: 'WorkflowTaskCompleted' }).last().click()
  await reset.getByRole('textbox').last().fill('Terminated by mistake.')
  await ui.takeDialog('reset', reset)
}

/** What only a person can decide: a policy pauses whoever does not pay, and Stripe refuses to pause what somebody has made
 *  payable by invoice in its dashboard. */
export async function takeAttention({ acme, ui }: Taking): Promise<void> {
  const { subscriptionId, stripeId, workflowId } = await acme.fail('elisa', 'enterprise')
  await acme.stripe.sdk.subscriptions.update(stripeId, {
    collection_method: 'send_invoice',
    days_until_due: 30,
  })
  await eventually('every retry was left out', async () => {
    if ((await acme.describe(workflowId)).status.name !== 'RUNNING') return true
    await acme.update(workflowId, 'skip', { reason: 'The customer asks not to be charged.', by: 'marta' })
    return false
  })
  const ofElisa = `subscription/${subscriptionId}`
  await eventually('it is parked', async () => (await acme.state(ofElisa)).attention)
  await ui.openWorkflow(ofElisa)
  await ui.openDetails('Needs a person')
  await ui.take('parked', { from: title(ui), to: details(ui) })

  await ui.openList('QuittanceAttention IS NOT NULL AND ExecutionStatus = "Running"', [
    'Workflow ID',
    'QuittanceAttention',
    'QuittanceUser',
    'QuittancePlan',
  ])
  await ui.take('needs-a-person', wholeList(ui))
}

/** A test clock that waits for a workflow which cannot go on. */
export async function takeClock({ acme, ui }: Taking): Promise<void> {
  const start = '2027-01-10T12:00:00.000Z'
  const fabio = await acme.onClock('fabio', start)
  await acme.stripe.faults({ api: { error_500: 1, paths: ['/v1/subscriptions'] } })
  await fabio.startAdvance(later(start, 32))
  // It waits for two minutes before it says for whom.
  await ui.openWorkflow(fabio.workflowId)
  await ui.openTab('Pending Activities')
  await ui.page.getByText('The clock waits for').first().waitFor({ timeout: 180_000 })
  await ui.take('stuck-clock', { from: tabs(ui), to: failure(ui) })
  await acme.stripe.endFaults()
}

const wholeList = ({ page }: TemporalUi) => ({
  from: page.getByRole('heading', { level: 1 }),
  to: page.locator('tbody tr').last(),
})
const title = ({ page }: TemporalUi): Locator => page.getByTestId('workflow-id-heading')
const details = ({ page }: TemporalUi): Locator => page.locator('iframe')
const tabs = ({ page }: TemporalUi): Locator => page.getByRole('tablist')
/** Without the stack trace below it, which names files of whoever runs this. */
const failure = ({ page }: TemporalUi): Locator => page.getByText('Last Failure').locator('..')
const graph = ({ page }: TemporalUi): Locator => page.locator('#event-history-timeline-graph')

const openUpdates = (dialog: Locator): Promise<void> => dialog.getByTestId('update-select-button').click()

async function chooseUpdate(dialog: Locator, name: string): Promise<void> {
  await openUpdates(dialog)
  await dialog.page().getByRole('option', { name }).first().click()
}

async function writePayload({ page }: TemporalUi, dialog: Locator, payload: object): Promise<void> {
  await dialog.getByRole('textbox').last().click()
  await page.keyboard.insertText(JSON.stringify(payload, undefined, 2))
}
