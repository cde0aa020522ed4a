/** Mail by SMTP. The only product file that imports `nodemailer`, so that the client can be changed in one place. */

import { createTransport } from 'nodemailer'
import type { MailConfig } from '../config.ts'
import { type Mailer, MailRefused } from '../domain/mailer.ts'

/** A mail that has not been taken over by then is sent again later. */
const SEND_LIMIT_MS = 60_000

/** Connects when it is first used, keeps some connections, and makes them again when it must. */
export function createMailer({ smtpUrl, from }: MailConfig): Mailer {
  const transport = createTransport({
    url: smtpUrl,
    pool: true,
    maxConnections: 5,
    // A password is never sent over an open line.
    requireTLS: new URL(smtpUrl).username !== '',
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const [, domain = ''] = from.split('@')
  return {
    async send({ senderName, to, subject, text, html, messageId }) {
      try {
        await transport.sendMail({
          from: { name: senderName, address: from },
          // As an object it is one address, whatever characters it holds.
          to: { name: '', address: to },
          subject,
          text,
          html,
          messageId: `<${messageId}@${domain}>`,
          // No holiday notes in answer: https://www.rfc-editor.org/rfc/rfc3834
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal: AbortSignal.timeout(SEND_LIMIT_MS),
        })
      } catch (error) {
        throw translate(error)
      }
    },
    close: () => transport.close(),
  }
}

/** Only codes are kept: what a mail server says quotes the recipient's address, and errors are logged and stored. */
function translate(error: unknown): Error {
  const { code, command, responseCode, response, permanent } = error as Partial<SmtpError>
  const enhancedCode = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1]
  const reason = [code ?? 'failed', command && `at ${command}`, responseCode, enhancedCode]
    .filter(Boolean)
    .join(' ')
  // A refusal of the sender or of our password is everybody's trouble and passes when it is mended. An address that is no
  // address never reaches the server.
  const isAboutThisMail = command === 'RCPT TO' || command === 'DATA'
  const isNoAddress = code === 'EENVELOPE' && command === 'API'
  return (permanent && isAboutThisMail) || isNoAddress ? new MailRefused(reason) : new Error(reason)
}

interface SmtpError {
  code: string
  /** What the server was asked when it refused. */
  command: string
  responseCode: number
  response: string
  /** Set where the server has answered. */
  permanent: boolean
}
