import type { MailFaults } from '../../local/mailbox/faults.ts'
import type { ReceivedMail } from '../../local/mailbox/mails.ts'
import { startMailbox } from '../../local/mailbox/server.ts'

export interface TestMailbox {
  url: string
  smtpUrl: string
  /** In the order in which they came. */
  mails(to?: string): Promise<ReceivedMail[]>
  empty(): Promise<void>
  fail(faults: Partial<MailFaults>): Promise<void>
  close(): Promise<void>
}

/** A mailbox of its own, with a client of its JSON. */
export async function openMailbox(): Promise<TestMailbox> {
  const { url, smtpUrl, close } = await startMailbox()
  const call = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const answer = await fetch(`${url}/_local/${path}`, init)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    url,
    smtpUrl,
    close,
    async mails(to) {
      const query = to === undefined ? '' : `?to=${encodeURIComponent(to)}`
      const { data } = (await call(`mails${query}`)) as { data: ReceivedMail[] }
      return data.toReversed()
    },
    async empty() {
      await call('mails', { method: 'DELETE' })
      await call('faults', { method: 'DELETE' })
    },
    async fail(faults) {
      await call('faults', { method: 'POST', body: JSON.stringify(faults) })
    },
  }
}
