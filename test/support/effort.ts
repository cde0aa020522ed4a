/** How much of a proof is run: a seeded sample in `npm test`; all of it by the commands of `scripts/prove.ts`, which say so
 *  in the environment. */
export const seed = Number(process.env.QUITTANCE_SEED ?? 7)

/** How many of what there is to try, where a command has asked for more than the sample. */
export function runs(sample: number): number {
  return Number(process.env.QUITTANCE_RUNS ?? sample)
}

/** For the test that runs them. */
export const timeout = process.env.QUITTANCE_RUNS === undefined ? 300_000 : 3_600_000
