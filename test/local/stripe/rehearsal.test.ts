import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Collection } from '../../../local/stripe/store/collection.ts'
import { Rehearsal } from '../../../local/stripe/store/rehearsal.ts'

interface Thing {
  id: string
  owner: string | null
  value: number
}

describe('what is rehearsed is taken back', () => {
  const make = () => {
    const written: string[] = []
    const rehearsal = new Rehearsal()
    const things = new Collection<Thing>('thing', (_name, id) => written.push(id), rehearsal, {
      owner: (thing) => thing.owner,
    })
    return { written, rehearsal, things }
  }

  const owner = fc.constantFrom('ada', 'bob', null)
  const step = fc.record({
    kind: fc.constantFrom('insert', 'change', 'remove'),
    which: fc.nat(),
    owner,
    value: fc.nat(),
  })
  type Step = { kind: string; which: number; owner: string | null; value: number }

  let made = 0
  const take = (things: Collection<Thing>, { kind, which, owner, value }: Step): void => {
    const thing = things.all()[which % Math.max(things.size, 1)]
    if (kind === 'insert' || !thing) things.insert({ id: `thing_${(made += 1)}`, owner, value })
    else if (kind === 'change') things.change(thing, { owner, value })
    else things.remove(thing)
  }

  const shown = (things: Collection<Thing>) =>
    structuredClone({
      all: things.all(),
      ada: things.where('owner', 'ada'),
      bob: things.where('owner', 'bob'),
    })

  it('with every object, index and order as before, and nothing written down', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.array(step, { maxLength: 30 }),
        (first, rehearsed) => {
          const { written, rehearsal, things } = make()
          for (const one of first) take(things, one)
          const before = shown(things)
          const length = written.length
          rehearsal.run(() => {
            for (const one of rehearsed) take(things, one)
          })
          expect(shown(things)).toEqual(before)
          expect(written).toHaveLength(length)
        },
      ),
    )
  })

  it('also when it fails', () => {
    const { rehearsal, things } = make()
    const thing = things.insert({ id: 'thing', owner: 'ada', value: 1 })
    expect(() =>
      rehearsal.run(() => {
        things.change(thing, { value: 2 })
        throw new Error('halfway')
      }),
    ).toThrow('halfway')
    expect(things.get('thing')).toEqual({ id: 'thing', owner: 'ada', value: 1 })
    things.change(thing, { value: 3 })
    expect(things.get('thing')?.value).toBe(3)
  })

  it('and an index lists objects in their order, whatever changes about them', () => {
    const { things } = make()
    const [first] = ['a', 'b'].map((id) => things.insert({ id, owner: 'ada', value: 0 }))
    if (first) things.change(first, { value: 1 })
    expect(things.where('owner', 'ada').map(({ id }) => id)).toEqual(['a', 'b'])
  })
})
