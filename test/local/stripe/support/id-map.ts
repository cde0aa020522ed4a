import { relativeDates } from './moments.ts'

/** `in_1SRzqVKXBGcbgpbZAcG0DXXa`, but not a word such as `charge_automatically`. */
const stripeId = /^[a-z]{2,}(?:_[a-z]+)*_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}$/
const prefixOf = (id: string) => id.slice(0, id.lastIndexOf('_'))

/** Which id of the local Stripe stands at the place of which id of a recording. */
export class IdMap {
  private readonly localOf = new Map<string, string>()
  private readonly recordedOf = new Map<string, string>()

  /** Whether the two may stand for each other: one to one, wherever they appear in the flow. */
  pair(recorded: string, local: string): boolean {
    const known = this.localOf.get(recorded)
    if (known !== undefined) return known === local
    if (this.recordedOf.has(local)) return false
    this.localOf.set(recorded, local)
    this.recordedOf.set(local, recorded)
    return true
  }

  has(recorded: string): boolean {
    return this.localOf.has(recorded)
  }

  /** A parameter or path of a recording, in terms of the local Stripe. */
  translate(text: string): string {
    const whole = this.localOf.get(text)
    if (whole !== undefined) return whole
    // Short ids such as `default` are ordinary words, so they are only replaced where they stand alone.
    const parts = [...this.localOf].filter(([recorded]) => recorded.length >= 8 && text.includes(recorded))
    return parts.reduce((result, [recorded, local]) => result.replaceAll(recorded, local), text)
  }

  sameText(recorded: string, local: string, recordedStart_s: number, localStart_s: number): boolean {
    const secretOf = /^(?<id>\w+?)_secret_\w+$/
    const secret = secretOf.exec(recorded)?.groups?.['id']
    // A client secret is the id of its object and then chance.
    if (secret !== undefined) {
      const localSecret = secretOf.exec(local)?.groups?.['id']
      return localSecret !== undefined && this.sameText(secret, localSecret, recordedStart_s, localStart_s)
    }
    if (this.localOf.has(recorded)) return this.localOf.get(recorded) === local
    if (stripeId.test(recorded)) return prefixOf(recorded) === prefixOf(local) && this.pair(recorded, local)
    const cut = this.cutId(recorded)
    if (cut !== undefined) return cut === local
    const expected = relativeDates(this.translate(recorded), recordedStart_s)
    return patternOf(expected).test(relativeDates(local, localStart_s))
  }

  /** An order reference is the id of an invoice, cut to 25 characters. */
  private cutId(recorded: string): string | undefined {
    if (recorded.length < 20) return undefined
    const [whole] = [...this.localOf].filter(([id]) => id.startsWith(recorded))
    return whole?.[1].slice(0, recorded.length)
  }
}

/** What was scrubbed from a recording may be anything; the scrubber took some of the punctuation with it. */
function patternOf(expected: string): RegExp {
  const parts = expected.split(/\s*\(scrubbed\)\s*/).map(escaped)
  return new RegExp(`^${parts.join('.+')}$`, 's')
}

const escaped = (text: string) => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
