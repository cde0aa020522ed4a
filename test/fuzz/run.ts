import type { Product } from '../support/product.ts'
import type { PythonPackages } from '../support/python-packages.ts'
import { makeObjects } from './objects.ts'
import { type Pass, type PassOptions, runSchemathesis } from './schemathesis.ts'

/** Tries the whole API with the key of a project, and again with that of an operator.
 *  @returns both passes by whose key it was. */
export async function fuzz(
  packages: PythonPackages,
  product: Product,
  options: Pick<PassOptions, 'directory' | 'examples' | 'seed' | 'phases'>,
): Promise<Record<'project' | 'operator', Pass>> {
  const { apiUrl, operator } = product
  const { client, known } = await makeObjects(product)
  const passWith = (key: string) => runSchemathesis(packages, { ...options, apiUrl, key, known })
  // One after the other: the operator revokes and locks what the project needs.
  return { project: await passWith(client.apiKey), operator: await passWith(operator.apiKey) }
}
