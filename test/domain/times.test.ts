import { expect, it } from 'vitest'
import { isInReach } from '../../domain/times.ts'

it.each<[string, number, boolean]>([
  ['the beginning of 1970', 0, true],
  ['a moment before', -1, false],
  ['today', Date.UTC(2027, 0, 10), true],
  ['the last moment of 2199', Date.UTC(2200, 0, 1) - 1, true],
  ['the beginning of 2200', Date.UTC(2200, 0, 1), false],
  ['no number', Number.NaN, false],
])('a time may be stored and waited for from 1970 to 2199: %s', (_which, at, may) => {
  expect(isInReach(at)).toBe(may)
})
