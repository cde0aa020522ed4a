import { describe, expect, it } from 'vitest'
import { commodityOf, decimalAmount } from '../../domain/commodities.ts'

describe('a decimal amount', () => {
  it.each([
    [123_456, 'brl', '1234.56'],
    [-123_456, 'brl', '-1234.56'],
    [5, 'usd', '0.05'],
    [0, 'usd', '0.00'],
    [-5, 'usd', '-0.05'],
    [500, 'jpy', '500'],
    [-500, 'jpy', '-500'],
    [9_900, 'kwd', '9.900'],
    [1, 'credits', '0.000001'],
    [2_500_000, 'credits', '2.500000'],
    // What is no currency of today was one when it was entered.
    [123, 'dem', '1.23'],
  ])('of %i %s is %s', (amount, asset, text) => {
    expect(decimalAmount(amount, asset)).toBe(text)
  })

  it('is of something in upper case', () => {
    expect(['brl', 'credits'].map(commodityOf)).toEqual(['BRL', 'CREDITS'])
  })
})
