import { connect } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Mail, Mailer } from '../../domain/mailer.ts'
import { composeNotice } from '../../domain/notices.ts'
import { parseId } from '../../domain/ids.ts'
import { createMailer } from '../../providers/mail.ts'
import { openBrowser } from '../support/browser.ts'
import { openMailbox, type TestMailbox } from '../support/mailbox.ts'

let mailbox: TestMailbox
let mailer: Mailer

beforeAll(async () => {
  mailbox = await openMailbox()
  mailer = createMailer({ smtpUrl: mailbox.smtpUrl, from: 'billing@shop.test' })
})
beforeEach(() => () => mailbox.empty())
afterAll(async () => {
  mailer.close()
  await mailbox.close()
})

const mail = (to: string, rest: Partial<Mail> = {}): Mail => ({
  senderName: 'Shop',
  to,
  subject: 'Hello',
  text: 'Hello there',
  html: '<p>Hello there</p>',
  messageId: `to-${to.split('@')[0]}`,
  ...rest,
})

const notice = composeNotice(
  {
    kind: 'payment_failed',
    user_id: 'ada',
    subscription_id: parseId('sbs', 'sbs_00000000000000000000000001'),
    plan_id: 'pro',
    plan_name: 'Pro',
    amount: 9900,
    currency: 'brl',
    reason: 'There was not enough money available on your card.',
    retry_at: '2026-03-14T09:30:00Z',
    grace_until: '2026-03-18T09:30:00Z',
    pay_url: 'http://127.0.0.1:9/pay?a=1&b=2',
  },
  'Shop',
)

describe('the mailbox', () => {
  it('gives the mails that have come as JSON, newest first, all or those to an address, and deletes them', async () => {
    for (const to of ['ada@shop.test', 'bob@shop.test']) await mailer.send(mail(to))
    const answer = await fetch(`${mailbox.url}/_local/mails`)
    const { data } = (await answer.json()) as { data: object[] }
    expect(data).toMatchObject([
      { to: ['bob@shop.test'], message_id: '<to-bob@shop.test>' },
      {
        to: ['ada@shop.test'],
        from: { name: 'Shop', address: 'billing@shop.test' },
        subject: 'Hello',
        text: 'Hello there\n',
        html: '<p>Hello there</p>\n',
      },
    ])
    const toBob = `${mailbox.url}/_local/mails?to=BOB@shop.test`
    expect(await (await fetch(toBob, { method: 'DELETE' })).json()).toEqual({ deleted: 1 })
    expect(await (await fetch(toBob)).json()).toEqual({ data: [] })
    expect(await mailbox.mails()).toHaveLength(1)
  })

  it('keeps what names and words are made of, in every script', async () => {
    const odd = {
      senderName: 'Größe, "Ltd" <x>',
      subject: 'R$ 99 – für Ålesund 你好',
      text: '.\n..\nこんにちは\n',
    }
    await mailer.send(mail('ada@shop.test', odd))
    const [received] = await mailbox.mails()
    expect(received).toMatchObject({ from: { name: odd.senderName }, subject: odd.subject })
    expect(received?.text.trim()).toBe(odd.text.trim())
  })

  it('refuses, is busy and loses answers on demand, and says what it does not understand', async () => {
    await mailbox.fail({ refuse: ['gone@shop.test'] })
    await expect(mailer.send(mail('gone@shop.test'))).rejects.toMatchObject({ name: 'MailRefused' })
    await mailer.send(mail('ada@shop.test'))
    await mailbox.fail({ busy: 1 })
    await expect(mailer.send(mail('ada@shop.test'))).rejects.toThrow('EENVELOPE at RCPT TO 451 4.3.2')
    await mailbox.fail({ lost_answer: 1 })
    await expect(mailer.send(mail('bob@shop.test'))).rejects.toThrow('ECONNECTION')
    expect((await mailbox.mails()).map(({ to }) => to)).toEqual([['ada@shop.test'], ['bob@shop.test']])
    await expect(mailbox.fail({ buzy: 1 } as object)).rejects.toThrow('there is no fault')
    await expect(mailbox.fail({ busy: 2 })).rejects.toThrow('busy is a number from 0 to 1')
  })

  it('keeps the last 500', async () => {
    for (let round = 0; round < 51; round += 1)
      await Promise.all(Array.from({ length: 10 }, () => mailer.send(mail(`user-${round}@shop.test`))))
    const mails = await mailbox.mails()
    expect(mails).toHaveLength(500)
    expect(mails.at(-1)?.to).toEqual(['user-50@shop.test'])
  })

  it('outlives a client that hangs up in the middle of a mail', async () => {
    const socket = connect(Number(new URL(mailbox.smtpUrl).port), '127.0.0.1')
    socket.write('EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: half')
    await new Promise((resolve) => setTimeout(resolve, 100))
    socket.destroy()
    await mailer.send(mail('ada@shop.test'))
    expect(await mailbox.mails()).toHaveLength(1)
  })
})

describe('the page of the mailbox', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser.close())

  it('shows a mail as its reader sees it, shows what comes meanwhile, and can be emptied', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(mailbox.url)
    expect(await page.locator('nav').innerText()).toContain('No mails yet')

    await mailer.send(mail('ada@shop.test', notice))
    await page.locator('nav').getByText(notice.subject).click()
    const frame = page.frameLocator('iframe')
    expect(await frame.locator('body').innerText()).toContain(
      'There was not enough money available on your card.',
    )
    expect(await frame.getByRole('link', { name: 'Pay now' }).getAttribute('href')).toBe(
      'http://127.0.0.1:9/pay?a=1&b=2',
    )
    await mailer.send(mail('bob@shop.test', { subject: 'Something else' }))
    await page.locator('nav').getByText('Something else').waitFor()
    expect(await page.locator('h2').innerText()).toBe(notice.subject)

    await page.getByRole('searchbox').fill('bob@shop.test')
    await page.getByRole('searchbox').press('Enter')
    await page.waitForURL(/to=bob/)
    expect(await page.locator('nav li').count()).toBe(1)
    await page.getByRole('button', { name: 'Delete these' }).click()
    await page.getByText('No mails to bob@shop.test').waitFor()
    expect(await mailbox.mails()).toHaveLength(1)
  })

  it('runs nothing and loads nothing that a mail brings along', async () => {
    const hostile = `<script>parent.document.title='taken'</script><img src="${mailbox.url}/pixel" onerror="parent.document.title='taken'"><b>hi</b>`
    await mailer.send(mail('ada@shop.test', { subject: '<img src=x onerror=alert(1)>', html: hostile }))
    const page = await browser.newPage()
    const loaded: string[] = []
    page.on('response', (response) => loaded.push(new URL(response.url()).pathname))
    await page.goto(mailbox.url)
    expect(await page.frameLocator('iframe').locator('b').innerText()).toBe('hi')
    expect(await page.title()).toBe('Mailbox (1)')
    expect(await page.locator('h2').innerText()).toBe('<img src=x onerror=alert(1)>')
    expect(loaded).not.toContain('/pixel')
  })
})
