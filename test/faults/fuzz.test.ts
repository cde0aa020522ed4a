import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { fuzz } from '../fuzz/run.ts'
import { findSchemathesis } from '../fuzz/schemathesis.ts'
import { type Product, startProduct } from '../support/product.ts'

const packages = await findSchemathesis()
let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

// `npm run fuzz` sends as many requests as one likes.
describe('requests made out of the OpenAPI document', () => {
  it('are answered as it says, and never by a failure', { timeout: 180_000 }, async ({ skip }) => {
    if (typeof packages === 'string') return skip(packages)
    const { project, operator } = await fuzz(packages, product, {
      directory: inject('runDirectory'),
      examples: 1,
      seed: 1,
      phases: ['examples', 'fuzzing', 'stateful'],
    })
    expect(project.flaws + operator.flaws).toBe('')
    // Not because all of them were refused.
    expect(project.accepting.length).toBeGreaterThan(20)
    expect(operator.accepting.length).toBeGreaterThan(35)
  })
})
