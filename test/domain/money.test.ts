import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  amountStepOf,
  currency,
  currencyCodes,
  decimalsOf,
  describeMoney,
  isCurrency,
  money,
} from '../../domain/money.ts'

describe('money', () => {
  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('is whole: %d is not', (amount) => {
    expect(() => money(amount, currency('usd'))).toThrow(RangeError)
  })

  it.each(['USD', 'Usd', '', 'xxx', 'us', 'toString', '__proto__', 'constructor'])(
    'has a currency that we know: %j is none',
    (code) => {
      expect(isCurrency(code)).toBe(false)
      expect(() => currency(code)).toThrow(TypeError)
    },
  )

  it.each([
    ['usd', 2, 1],
    ['brl', 2, 1],
    ['jpy', 0, 1],
    ['krw', 0, 1],
    ['kwd', 3, 10],
    ['bhd', 3, 10],
    // Without a minor unit by now, but written with two decimals by Stripe.
    ['isk', 2, 100],
    ['ugx', 2, 100],
  ])('in %s has %i decimals and is charged in steps of %i', (code, decimals, step) => {
    expect(decimalsOf(currency(code))).toBe(decimals)
    expect(amountStepOf(currency(code))).toBe(step)
  })

  // https://docs.stripe.com/currencies: a code that is missing here could not be sold in, one too many would be refused there.
  it('is in one of the currencies that Stripe charges in', () => {
    expect(currencyCodes.join(' ')).toBe(
      'aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf ' +
        'clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf ' +
        'idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt ' +
        'mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf ' +
        'sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv ' +
        'wst xaf xcd xcg xof xpf yer zar zmw',
    )
    expect(currencyCodes.filter((code) => decimalsOf(currency(code)) === 0).join(' ')).toBe(
      'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf',
    )
    expect(currencyCodes.filter((code) => decimalsOf(currency(code)) === 3).join(' ')).toBe(
      'bhd jod kwd omr tnd',
    )
  })

  it.each([
    [123456, 'brl', 'BRL 1234.56'],
    [5, 'usd', 'USD 0.05'],
    [0, 'usd', 'USD 0.00'],
    [-5, 'usd', 'USD -0.05'],
    [500, 'jpy', 'JPY 500'],
    [1, 'kwd', 'KWD 0.001'],
  ])('%i %s reads %s', (amount, code, text) => {
    expect(describeMoney(money(amount, currency(code)))).toBe(text)
  })

  it('can be read back from what is shown, digit for digit', () => {
    const codes = fc.constantFrom('usd', 'jpy', 'kwd', 'isk').map((code) => currency(code))
    fc.assert(
      fc.property(fc.maxSafeInteger(), codes, (amount, code) => {
        const [shownCode, digits = ''] = describeMoney(money(amount, code)).split(' ')
        expect(shownCode).toBe(code.toUpperCase())
        expect(BigInt(digits.replace('.', ''))).toBe(BigInt(amount))
        expect(digits.split('.')[1]?.length ?? 0).toBe(decimalsOf(code))
      }),
    )
  })
})
