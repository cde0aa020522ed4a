import { searchAttributes } from '../workflows/search-attributes.ts'

/** The search attributes by which operators find workflows. Once registered they are never removed. */
export const searchAttributeNames = Object.values(searchAttributes).map(({ name }) => name)
