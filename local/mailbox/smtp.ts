/** The side that mails come in by. */

import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime from 'postal-mime'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerEnvelope } from 'smtp-server'
import { happens, type MailFaults } from './faults.ts'
import type { Mails } from './mails.ts'

const MAIL_LIMIT_BYTES = 1024 * 1024

/** An SMTP server that takes every mail, whoever it is for, and passes none on. */
export function createSmtpServer(mails: Mails, faults: () => MailFaults): SMTPServer {
  const sockets = new Map<number, Socket>()
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: MAIL_LIMIT_BYTES,
    closeTimeout: 500,
    onMailFrom({ address }, _session, answer) {
      answer(refusalOf(address))
    },
    onRcptTo({ address }, _session, answer) {
      const refused = refusalOf(address)
      if (refused) answer(refused)
      else if (happens(faults().busy)) answer(refusal(451, '4.3.2', 'busy, try again later'))
      else answer()
    },
    onData(stream, { envelope, remotePort }, answer) {
      void receive(stream, envelope).then((error) => {
        if (!error && happens(faults().lost_answer)) sockets.get(remotePort)?.destroy()
        return answer(error)
      })
    },
  })
  server.server.on('connection', (socket: Socket) => {
    const { remotePort = 0 } = socket
    sockets.set(remotePort, socket)
    socket.once('close', () => sockets.delete(remotePort))
  })
  // A client that goes away in the middle is its own affair.
  server.on('error', () => {})
  return server

  function refusalOf(address: string): Error | undefined {
    return faults().refuse.includes(address)
      ? refusal(550, '5.1.1', `<${address}> is not known here`)
      : undefined
  }

  /** @returns what is wrong with it. */
  async function receive(
    stream: SMTPServerDataStream,
    { rcptTo }: SMTPServerEnvelope,
  ): Promise<Error | undefined> {
    try {
      const raw = await buffer(stream)
      if (stream.sizeExceeded) return refusal(552, '5.3.4', `larger than ${MAIL_LIMIT_BYTES} bytes`)
      const { from, subject = '', messageId = '', text = '', html = '' } = await PostalMime.parse(raw)
      mails.add({
        from: { name: from?.name ?? '', address: from?.address ?? '' },
        to: rcptTo.map(({ address }) => address),
        subject,
        message_id: messageId,
        text,
        html,
      })
      return undefined
    } catch {
      return refusal(554, '5.6.0', 'this cannot be read as a mail')
    }
  }
}

const refusal = (responseCode: number, enhancedCode: string, words: string): Error =>
  Object.assign(new Error(`${enhancedCode} ${words}`), { responseCode })
