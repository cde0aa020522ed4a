import * as fc from 'fast-check'

/** What can happen to a wallet in a random life. Days are milliseconds here: only their order matters. */
export type WalletStep =
  | { kind: 'purchase'; credits: number; price: number }
  | { kind: 'grant'; credits: number; days: number | null }
  | { kind: 'consume'; credits: number }
  | { kind: 'wait'; days: number }
  /** A refund of one of the packs that were bought: of so much money, or of all that is unused. */
  | { kind: 'refund'; lot: number; share: number | null }

const credits = fc.integer({ min: 1, max: 40 })

export const walletSteps = (maxLength = 30): fc.Arbitrary<WalletStep[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('purchase' as const), credits, price: fc.nat(150) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('grant' as const),
          credits,
          days: fc.option(fc.integer({ min: 1, max: 6 })),
        }),
      },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('consume' as const), credits }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 3 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('refund' as const),
          lot: fc.nat(5),
          share: fc.option(fc.integer({ min: 1, max: 80 })),
        }),
      },
    ),
    { maxLength },
  )
