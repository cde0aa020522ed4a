/** `npm run screenshots`: makes the pictures of `docs/operators.md`, on a stack of its own, with customers in trouble. */

import path from 'node:path'
import { openBrowser } from '../test/support/browser.ts'
import { openAcme } from './screenshots/acme.ts'
import { startOwnStack } from './screenshots/own-stack.ts'
import { takeAttention, takeClock, takeDunning, takeRepairs } from './screenshots/pictures.ts'
import { openTemporalUi } from './screenshots/temporal-ui.ts'

const root = path.resolve(import.meta.dirname, '..')

console.log('Starting a stack of its own …')
const { stack, stop } = await startOwnStack(root)
try {
  const browser = await openBrowser()
  const acme = await openAcme(stack)
  const ui = await openTemporalUi(browser, { stack, directory: path.join(root, 'docs', 'pictures') })
  await takeDunning({ acme, ui })
  await takeRepairs({ acme, ui })
  await takeAttention({ acme, ui })
  await takeClock({ acme, ui })
  await browser.close()
  await acme.close()
} finally {
  await stop()
}
