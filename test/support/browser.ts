import { chromium, type Browser } from 'playwright-core'
import packagedChromium from '@sparticuz/chromium'

/** A headless browser: the one that comes as an npm package where it runs, else an installed Chrome. */
export async function openBrowser(): Promise<Browser> {
  const isPackaged = process.platform === 'linux' && process.arch === 'x64'
  // A test's browser needs nothing but loopback, so whatever it would do on its own is switched off.
  const quiet = [
    '--no-sandbox',
    '--disable-background-networking',
    '--disable-component-update',
    '--no-first-run',
  ]
  return isPackaged
    ? chromium.launch({
        executablePath: await packagedChromium.executablePath(),
        args: [...packagedChromium.args, ...quiet],
      })
    : chromium.launch({ channel: 'chrome', args: quiet })
}
