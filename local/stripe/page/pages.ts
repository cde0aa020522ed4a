import type { Account } from '../account.ts'

export interface Page {
  status: number
  headers: Record<string, string>
  body: string
}

export class HostedPages {
  readonly #account: Account
  constructor(account: Account) {
    this.#account = account
  }
  answer(_method: string, path: string, _body: string): Page {
    void this.#account
    return { status: 404, headers: { 'content-type': 'text/html; charset=utf-8' }, body: path }
  }
}
