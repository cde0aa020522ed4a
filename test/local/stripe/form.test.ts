import { describe, expect, it } from 'vitest'
import { parseForm } from '../../../local/stripe/http/form.ts'

const read = (text: string): unknown => JSON.parse(JSON.stringify(parseForm(text)))

describe('a form is read as Stripe reads it', () => {
  it.each([
    ['', {}],
    ['a=1&b=', { a: '1', b: '' }],
    ['name=Ana+Souza&email=a%40b.c', { name: 'Ana Souza', email: 'a@b.c' }],
    ['metadata[a]=1&metadata[b]=2', { metadata: { a: '1', b: '2' } }],
    ['items[0][price]=p&items[1][price]=q', { items: { 0: { price: 'p' }, 1: { price: 'q' } } }],
    ['expand[]=a&expand[]=b', { expand: { 0: 'a', 1: 'b' } }],
    [
      'items[][price]=p&items[][quantity]=2&items[][price]=q',
      { items: { 0: { price: 'p', quantity: '2' }, 1: { price: 'q' } } },
    ],
    ['items%5B0%5D%5Bprice%5D=p', { items: { 0: { price: 'p' } } }],
    ['a=100%', { a: '100%' }],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it('knows no names but those that were sent', () => {
    expect('constructor' in parseForm('a=1')).toBe(false)
    parseForm('__proto__[polluted]=1')
    expect('polluted' in {}).toBe(false)
  })
})
