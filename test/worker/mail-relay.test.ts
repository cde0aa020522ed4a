import { eq, sql } from 'drizzle-orm'
import postgres from 'postgres'
import { register } from 'prom-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { addNotice, type Notice } from '../../db/notices.ts'
import { customers, notices } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { mintId } from '../../db/mint-id.ts'
import type { Mail, Mailer } from '../../domain/mailer.ts'
import { createMailer } from '../../providers/mail.ts'
import { type MailRelay, type MailRelayOptions, startMailRelay } from '../../worker/mail-relay.ts'
import { openMailbox, type TestMailbox } from '../support/mailbox.ts'
import { openDatabase, seedPayment, seedProject, type Seeded } from '../support/seed.ts'
import { dropConnections, oneTo, silent, until } from './fixtures.ts'

let database: Seeded
let mailbox: TestMailbox
let mailer: Mailer
let projectId: ProjectId
const relays: MailRelay[] = []

beforeAll(async () => {
  ;[database, mailbox] = await Promise.all([openDatabase(), openMailbox()])
  mailer = createMailer({ smtpUrl: mailbox.smtpUrl, from: 'billing@shop.test' })
})
beforeEach(async () => {
  projectId = await seedProject(database)
  return async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()))
    await mailbox.empty()
    await database.connections.system.update(notices).set({ sentAt: sql`now()` })
  }
})
afterAll(async () => {
  mailer.close()
  await Promise.all([database.close(), mailbox.close()])
})

function start(options: Partial<MailRelayOptions> = {}): MailRelay {
  const relay = startMailRelay({
    connections: database.connections,
    mailer,
    logger: silent,
    interval_ms: 100,
    ...options,
  })
  relays.push(relay)
  return relay
}

/** A notice to a user of the project, who has an address. */
async function noticeTo(userId: string, noticeId = `notice/${mintId('ev')}`): Promise<Notice> {
  const { customerId } = await seedPayment(database, projectId, { userId })
  return {
    projectId,
    noticeId,
    customerId,
    livemode: false,
    data: {
      kind: 'payment_failed',
      user_id: userId,
      subscription_id: mintId('sbs'),
      plan_id: 'pro',
      plan_name: 'Pro',
      amount: 9_900,
      currency: 'brl',
      reason: 'Your card has expired.',
      pay_url: 'https://pay.example/1',
    },
  }
}

/** Commits it as a recording activity does.
 *  @returns its id. */
async function commitNotice(userId: string, noticeId?: string): Promise<string> {
  const notice = await noticeTo(userId, noticeId)
  await inProject(database.connections.application, projectId, (transaction) =>
    addNotice(transaction, notice),
  )
  return notice.noticeId
}

const forgetAddress = (userId: string) =>
  inProject(database.connections.application, projectId, (transaction) =>
    transaction.update(customers).set({ email: null }).where(eq(customers.userId, userId)),
  )

async function rowOf(noticeId: string) {
  const [row] = await database.connections.system.select().from(notices).where(eq(notices.noticeId, noticeId))
  if (!row) throw new Error(`notice ${noticeId} is missing`)
  return row
}
const isSent = async (noticeId: string) => (await rowOf(noticeId)).sentAt !== null
const makeDue = () =>
  database.connections.system.update(notices).set({ nextAttemptAt: sql`now() - interval '1 second'` })
const skippedCount = async (reason: string) => {
  const { values } = (await register.getSingleMetric('quittance_notices_skipped_total')?.get()) ?? {
    values: [],
  }
  return values.find(({ labels }) => labels.reason === reason)?.value ?? 0
}

describe('the mail relay', () => {
  it('sends what was committed before it started and after, once, in the name of the project', async () => {
    const before = await commitNotice('ana')
    start()
    const after = await commitNotice('bob')
    for (const noticeId of [before, after]) await until('it is sent', () => isSent(noticeId))
    const [mail, ...others] = await mailbox.mails('ana@example.com')
    expect(others).toEqual([])
    expect(mail).toMatchObject({
      from: { name: 'Test', address: 'billing@shop.test' },
      to: ['ana@example.com'],
      subject: 'BRL 99.00 for Pro could not be collected',
    })
    expect(mail?.message_id).toMatch(/^<[0-9a-f]{40}@shop\.test>$/)
    expect(mail?.text).toContain('Your card has expired.')
    expect(mail?.html).toContain('href="https://pay.example/1"')
    expect(await mailbox.mails('bob@example.com')).toHaveLength(1)
  })

  it('is woken by the commit, not by its interval', async () => {
    await commitNotice('ana')
    start({ interval_ms: 30_000 })
    await until('the first is sent', async () => (await mailbox.mails()).length === 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await commitNotice('ana')
    const committedAt = Date.now()
    await until('the second is sent', async () => (await mailbox.mails()).length === 2)
    expect(Date.now() - committedAt).toBeLessThan(5_000)
  })

  it('writes a notice that is told again once, and tells two projects with the same words apart', async () => {
    const noticeId = await commitNotice('ana', 'dunning/in_1/failed')
    await commitNotice('ana', noticeId)
    projectId = await seedProject(database)
    await commitNotice('ana', noticeId)
    start()
    await until('both are sent', async () => (await mailbox.mails()).length === 2)
    expect(new Set((await mailbox.mails()).map((mail) => mail.message_id)).size).toBe(2)
  })

  it('sends nothing of what was rolled back', async () => {
    start()
    const notice = await noticeTo('bob')
    const undone = inProject(database.connections.application, projectId, async (transaction) => {
      await addNotice(transaction, notice)
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await commitNotice('ana')
    await until('the other is sent', async () => (await mailbox.mails('ana@example.com')).length === 1)
    expect(await mailbox.mails('bob@example.com')).toEqual([])
  })

  it('sends a mail whose answer is lost again, with the same Message-ID', async () => {
    await mailbox.fail({ lost_answer: 1 })
    start()
    const noticeId = await commitNotice('ana')
    await until('it has come', async () => (await mailbox.mails()).length === 1)
    await until('the failure is noted', async () => (await rowOf(noticeId)).lastError !== null)
    expect(await rowOf(noticeId)).toMatchObject({ sentAt: null, attempts: 1, refusals: 0 })
    await mailbox.fail({ lost_answer: 0 })
    await makeDue()
    await until('it is sent', () => isSent(noticeId))
    const mails = await mailbox.mails('ana@example.com')
    expect(mails).toHaveLength(2)
    expect(mails[0]?.message_id).toBe(mails[1]?.message_id)
    expect(await rowOf(noticeId)).toMatchObject({ attempts: 2, lastError: null, skippedReason: null })
  })

  it('takes up again what a process left that died while it was sending', async () => {
    let begun: Mail | undefined
    let die = () => {}
    const dead = new Promise<void>((resolve) => (die = resolve))
    const dying = start({
      lease_s: 1,
      mailer: { send: (mail) => ((begun = mail), dead), close: () => {} },
    })
    const noticeId = await commitNotice('ana')
    await until('it was begun', () => begun !== undefined)
    const stopped = dying.stop()
    start()
    await until('it is sent', () => isSent(noticeId))
    expect((await mailbox.mails())[0]?.message_id).toBe(`<${begun?.messageId}@shop.test>`)
    die()
    await stopped
  })

  it('waits out a mail server that is away and one that is busy, and goes on by itself', async () => {
    await mailbox.fail({ busy: 1 })
    const relay = start()
    const noticeIds = await Promise.all(oneTo(12).map((number) => commitNotice(`user-${number}`)))
    await until('all were tried', async () =>
      (await Promise.all(noticeIds.map(rowOf))).every(({ lastError }) => lastError !== null),
    )
    expect((await rowOf(noticeIds[0] ?? '')).lastError).toBe('EENVELOPE at RCPT TO 451 4.3.2')
    await relay.stop()

    const away = createMailer({ smtpUrl: 'smtp://127.0.0.1:1', from: 'billing@shop.test' })
    const blind = start({ mailer: away })
    await makeDue()
    await until('one was tried', async () =>
      (await Promise.all(noticeIds.map(rowOf))).some(({ lastError }) => lastError === 'ESOCKET at CONN'),
    )
    await blind.stop()
    away.close()

    await mailbox.fail({})
    await makeDue()
    start()
    await until('all are sent', async () => (await mailbox.mails()).length === 12)
  })

  it('tries a recipient that is refused a few times, then gives the notice up; others go on', async () => {
    await mailbox.fail({ refuse: ['gone@example.com'] })
    const givenUpBefore = await skippedCount('refused')
    const refused = await commitNotice('gone')
    start()
    for (const refusals of [1, 2]) {
      await until('it is refused', async () => (await rowOf(refused)).refusals === refusals)
      const row = await rowOf(refused)
      expect(row.skippedReason).toBeNull()
      const wait_ms = row.nextAttemptAt.getTime() - Date.now()
      expect(wait_ms).toBeGreaterThan((refusals === 1 ? 250 : 3_500) * 1_000)
      await makeDue()
    }
    await until('it is given up', async () => (await rowOf(refused)).skippedReason === 'refused')
    // The words of a mail server quote the address, which belongs in `customers` alone.
    expect(await rowOf(refused)).toMatchObject({
      sentAt: null,
      attempts: 3,
      refusals: 3,
      lastError: 'EENVELOPE at RCPT TO 550 5.1.1',
    })
    expect(await skippedCount('refused')).toBe(givenUpBefore + 1)

    const other = await commitNotice('bob')
    await until('others go on', () => isSent(other))
    await makeDue()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await rowOf(refused)).attempts).toBe(3)

    await mailbox.fail({})
    await database.connections.system
      .update(notices)
      .set({ skippedReason: null })
      .where(eq(notices.noticeId, refused))
    await until('an operator has it tried again', () => isSent(refused))
  })

  it('does not count a refusal of the sender against the recipients', async () => {
    await mailbox.fail({ refuse: ['billing@shop.test'] })
    start()
    const noticeId = await commitNotice('ana')
    await until('it was tried', async () => (await rowOf(noticeId)).lastError !== null)
    expect(await rowOf(noticeId)).toMatchObject({
      refusals: 0,
      lastError: 'EENVELOPE at MAIL FROM 550 5.1.1',
    })
  })

  it('skips a customer without an address, with the reason', async () => {
    const noticeId = await commitNotice('eve')
    await forgetAddress('eve')
    start()
    await until('it is skipped', async () => (await rowOf(noticeId)).skippedReason === 'no_address')
    expect(await mailbox.mails()).toEqual([])
  })

  it('skips what waited so long that it is no longer so', async () => {
    const noticeId = await commitNotice('ana')
    const superuser = postgres(database.database.superuserUrl, { max: 1, onnotice: () => {} })
    await superuser`update notices set created_at = now() - interval '4 days' where notice_id = ${noticeId}`
    await superuser.end()
    start()
    await until('it is skipped', async () => (await rowOf(noticeId)).skippedReason === 'too_late')
    expect(await mailbox.mails()).toEqual([])
  })

  it('outlives a database that drops every connection, and is woken by commits again', async () => {
    start()
    await commitNotice('ana')
    await until('it works', async () => (await mailbox.mails()).length === 1)
    await dropConnections(database)
    const noticeId = await commitNotice('bob')
    await until('it goes on', () => isSent(noticeId))
    expect(await mailbox.mails('bob@example.com')).toHaveLength(1)
  })
})

describe('several mail relays', () => {
  it('share the work and send each notice once', async () => {
    const sent: string[] = []
    const noticeIds = await Promise.all(oneTo(60).map((number) => commitNotice(`user-${number}`)))
    for (const name of ['first', 'second'])
      start({
        batch: 5,
        mailer: {
          async send(mail) {
            sent.push(name)
            await mailer.send(mail)
          },
          close: () => {},
        },
      })
    await until('all are sent', async () => (await Promise.all(noticeIds.map(isSent))).every(Boolean))
    const mails = await mailbox.mails()
    expect(mails).toHaveLength(60)
    expect(new Set(mails.map((mail) => mail.message_id)).size).toBe(60)
    expect(new Set(sent)).toEqual(new Set(['first', 'second']))
  })
})
