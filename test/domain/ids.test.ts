import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { externalNamePattern, idFromBytes, isId, parseId, patternOfId } from '../../domain/ids.ts'

const sixteenBytes = fc.uint8Array({ minLength: 16, maxLength: 16 })

describe('an id', () => {
  it('is recognised when it was made here, whatever its bytes', () => {
    fc.assert(
      fc.property(sixteenBytes, (bytes) => {
        const id = idFromBytes('pay', bytes)
        expect(id).toMatch(/^pay_[0-9a-hjkmnp-tv-z]{26}$/)
        expect(isId('pay', id)).toBe(true)
        expect(parseId('pay', id)).toBe(id)
      }),
    )
  })

  it('differs whenever the bytes differ', () => {
    fc.assert(
      fc.property(sixteenBytes, sixteenBytes, (one, other) => {
        const same = Buffer.from(one).equals(Buffer.from(other))
        expect(idFromBytes('pay', one) === idFromBytes('pay', other)).toBe(same)
      }),
    )
  })

  it('sorts as its bytes do', () => {
    fc.assert(
      fc.property(sixteenBytes, sixteenBytes, (one, other) => {
        const byBytes = Math.sign(Buffer.compare(one, other))
        const [first, second] = [idFromBytes('sbs', one), idFromBytes('sbs', other)]
        expect(first < second ? -1 : first > second ? 1 : 0).toBe(byBytes)
      }),
    )
  })

  it('is of one kind: no other prefix passes for it', () => {
    const id = idFromBytes('pay', new Uint8Array(16))
    expect(isId('sbs', id)).toBe(false)
    expect(() => parseId('sbs', id)).toThrow(TypeError)
  })

  it('needs sixteen bytes', () => {
    expect(() => idFromBytes('pay', new Uint8Array(15))).toThrow(RangeError)
  })

  it.each([
    `pay_${'z'.repeat(26)}`,
    `sbs_${'z'.repeat(26)}`,
    `xpay_${'z'.repeat(26)}`,
    `pay_${'z'.repeat(27)}`,
  ])('is taken by its pattern where it is taken for one: %s', (text) => {
    expect(new RegExp(patternOfId('pay')).test(text)).toBe(isId('pay', text))
  })

  it.each([
    '',
    'pay_',
    'pay',
    `pay_${'0'.repeat(25)}`,
    `pay_${'0'.repeat(27)}`,
    `pay_${'O'.repeat(26)}`,
    `pay_${'l'.repeat(26)}`,
    `PAY_${'0'.repeat(26)}`,
    ` pay_${'0'.repeat(26)}`,
    `pay_${'0'.repeat(26)}\n`,
    `pay_${'0'.repeat(25)}\u{0660}`,
  ])('is not %j', (text) => {
    expect(isId('pay', text)).toBe(false)
  })

  it('never passes for anything but what this alphabet can write', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isId('pay', `pay_${text}`)).toBe(/^[0-9a-hjkmnp-tv-z]{26}$/.test(text))
      }),
    )
  })
})

describe("a project's own name of a user, a plan or a product", () => {
  it.each(['a', 'user_42', 'auth0:6f-1', 'A.b-C:9', 'x'.repeat(128)])('may be %s', (text) => {
    expect(externalNamePattern.test(text)).toBe(true)
  })
  it.each(['', 'x'.repeat(129), 'a b', 'a/b', 'ana@b.c', 'é', 'a\n', '\0', 'a\u{200b}b'])(
    'may not be %j',
    (text) => {
      expect(externalNamePattern.test(text)).toBe(false)
    },
  )
})
