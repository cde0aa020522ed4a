import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import type { Stack } from '../../local/stack-file.ts'
import { eventually } from '../../test/support/eventually.ts'

/** Temporal UI in a browser, with the hands of an operator and a camera. */
export interface TemporalUi {
  page: Page
  /** The list of workflows that a query finds, with our columns. */
  openList(query: string, columns: string[]): Promise<void>
  openWorkflow(workflowId: string): Promise<void>
  openTab(name: string): Promise<void>
  /** The tab with what the workflow says of itself, once it says this. */
  openDetails(words: string): Promise<void>
  /** An entry of _More Actions_, and the dialog that it opens. */
  chooseAction(name: string): Promise<Locator>
  /** Takes what stands on the page from one thing down to the lowest of others, as `docs/pictures/{name}.png`. */
  take(name: string, part: { from: Locator; to: Locator }): Promise<void>
  takeDialog(name: string, dialog: Locator): Promise<void>
}

/** What a picture may weigh, for a repository that stays small. */
const MAX_BYTES = 150_000
const MARGIN = 12
const width = 1_280

export async function openTemporalUi(
  browser: Browser,
  { stack, directory }: { stack: Stack; directory: string },
): Promise<TemporalUi> {
  const context = await browser.newContext({
    viewport: { width, height: 1_400 },
    colorScheme: 'light',
    locale: 'en-US',
    timezoneId: 'UTC',
  })
  const page = await context.newPage()
  // A machine that also runs the stack draws slowly.
  page.setDefaultTimeout(120_000)
  const base = `${stack.temporal_ui_url}/namespaces/${stack.temporal_namespace}/workflows`

  async function open(address: string): Promise<void> {
    await page.goto(address, { waitUntil: 'domcontentloaded' })
    // What moves is drawn again and again, what is blurred takes long to draw, and the menu is seen in no picture.
    await page.addStyleTag({
      content: `
        *, *::before, *::after { animation: none !important; transition: none !important; backdrop-filter: none !important }
        [data-testid=navigation-header] { display: none !important }`,
    })
  }

  return {
    page,
    async openList(query, columns) {
      const table = { [stack.temporal_namespace]: columns.map((label) => ({ label })) }
      const text = JSON.stringify(JSON.stringify(table))
      await page.addInitScript({
        content: `localStorage.setItem('namespace-workflow-table-columns', ${text})`,
      })
      // The table fills the page, however few rows it has.
      await page.setViewportSize({ width, height: 480 })
      await open(`${base}?query=${encodeURIComponent(query)}`)
      await page.locator('tbody tr').first().waitFor()
    },
    async openWorkflow(workflowId) {
      await page.setViewportSize({ width, height: 1_400 })
      await open(`${base}/${encodeURIComponent(workflowId)}`)
      await page.getByRole('tab', { name: 'User Metadata' }).waitFor()
    },
    openTab: (name) => page.getByRole('tab', { name }).click(),
    async openDetails(words) {
      await page.getByRole('tab', { name: 'User Metadata' }).click()
      // What is written in Markdown is shown in a frame.
      await page.frameLocator('iframe').last().getByText(words).first().waitFor()
    },
    async chooseAction(name) {
      await page.getByRole('button', { name: 'More Actions' }).click()
      await page.getByRole('menuitem', { name }).click()
      const dialog = page.getByRole('dialog').filter({ visible: true })
      await dialog.waitFor()
      return dialog
    },
    async take(name, { from, to }) {
      await to.first().waitFor()
      const [top, content, others] = await Promise.all([
        boxOf(from),
        boxOf(page.locator('#content')),
        Promise.all((await to.all()).map(boxOf)),
      ])
      const y = Math.max(0, top.y - MARGIN)
      const height = Math.max(...others.map((box) => box.y + box.height)) + MARGIN - y
      await save(name, { x: content.x + MARGIN, y, width: content.width - 2 * MARGIN, height })
    },
    takeDialog: async (name, dialog) => save(name, await boxOf(dialog)),
  }

  async function save(name: string, clip: Box): Promise<void> {
    const picture = await page.screenshot({ clip, timeout: 120_000 })
    if (picture.length > MAX_BYTES)
      throw new Error(`The picture ${name} has ${picture.length} bytes: crop it.`)
    await mkdir(directory, { recursive: true })
    await writeFile(path.join(directory, `${name}.png`), picture)
    console.log(`  ${name}.png  ${Math.round(picture.length / 1_000)} kB`)
  }
}

interface Box {
  x: number
  y: number
  width: number
  height: number
}

/** The page draws its lists anew while they come. */
const boxOf = (part: Locator): Promise<Box> =>
  eventually(`${String(part)} is on the page`, async () => (await part.boundingBox()) ?? undefined)
