import { createHash, randomBytes } from 'node:crypto'
import { type Id, idFromBytes, type IdPrefix } from '../domain/ids.ts'

/** A new id, never seen before. */
export function mintId<P extends IdPrefix>(prefix: P): Id<P> {
  return idFromBytes(prefix, randomBytes(16))
}

/** The id that these parts always lead to: whoever repeats the work finds what the first time made. */
export function deriveId<P extends IdPrefix>(prefix: P, ...parts: string[]): Id<P> {
  return idFromBytes(
    prefix,
    createHash('sha256')
      .update(JSON.stringify([prefix, ...parts]))
      .digest(),
  )
}
