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
  it('are answered as it says, and never by a failure', async ({ skip }) => {
    if (typeof packages === 'string') return skip(packages)
    const { project, operator } = await fuzz(packages, product, {
      directory: inject('runDirectory'),
      examples: 2,
      seed: 1,
      phases: ['examples', 'fuzzing', 'stateful'],
    })
    expect(project.flaws + operator.flaws).toBe('')
    expect(project.passed).toBeGreaterThan(50)
    expect(operator.passed).toBeGreaterThan(50)
  })
})
