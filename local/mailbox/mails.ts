/** The mails that have come, the last ones only, in memory. */

export interface ReceivedMail {
  id: string
  received_at: string
  from: Correspondent
  /** Whom the sender told the server to deliver it to. */
  to: string[]
  subject: string
  message_id: string
  text: string
  html: string
}

export interface Correspondent {
  name: string
  address: string
}

const KEPT = 500

export class Mails {
  #mails: ReceivedMail[] = []
  #count = 0

  add(mail: Omit<ReceivedMail, 'id' | 'received_at'>): void {
    this.#count += 1
    const received = { id: String(this.#count), received_at: new Date().toISOString(), ...mail }
    this.#mails = [received, ...this.#mails].slice(0, KEPT)
  }

  /** Newest first; all of them, or those to an address. */
  list(to?: string): ReceivedMail[] {
    return to === undefined ? this.#mails : this.#mails.filter((mail) => isTo(mail, to))
  }

  find(id: string): ReceivedMail | undefined {
    return this.#mails.find((mail) => mail.id === id)
  }

  /** @returns how many were there. */
  remove(to?: string): number {
    const before = this.#mails.length
    this.#mails = to === undefined ? [] : this.#mails.filter((mail) => !isTo(mail, to))
    return before - this.#mails.length
  }
}

/** Nobody's server tells capital letters apart. */
const isTo = (mail: ReceivedMail, address: string): boolean =>
  mail.to.some((one) => one.toLowerCase() === address.toLowerCase())
