/** The port through which mails leave. */
export interface Mailer {
  /** Returns once the mail server has taken the mail over. When it throws, the server may have taken it all the same; sending
   *  again is right, because the mail is then known by its message id.
   *  @throws MailRefused when the server refuses this mail for good; any other error means: later. */
  send(mail: Mail): Promise<void>
  close(): void
}

export interface Mail {
  /** What the reader sees as the sender, beside the address that all mails come from. */
  senderName: string
  to: string
  subject: string
  text: string
  html: string
  /** The part before the `@`: letters and digits. The same whenever this mail is sent again, so that mail programs show it once. */
  messageId: string
}

/** The server refuses the recipient or the mail itself, however often it is sent. The message names the server's codes and
 *  never its words, which quote the address. */
export class MailRefused extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'MailRefused'
  }
}
