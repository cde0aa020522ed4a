import type { Aim, Figure, PreparedRow, Sample } from './row.ts'
import { type Spread, spreadOf } from './statistics.ts'

export interface Compared extends Figure {
  ours: Spread
  bare: Spread
  /** Of each round, ours divided by bare: both were measured within seconds of each other. */
  ratio: Spread
  /** Unset where there is no aim. */
  met?: boolean
}

/** Measures both sides in turn.
 *  @param rounds that count; one before them makes everything warm, unless it is to be measured cold */
export async function compare(
  { ours, bare }: PreparedRow,
  figures: Figure[],
  { rounds, isCold = false, onRound }: { rounds: number; isCold?: boolean; onRound: (round: number) => void },
): Promise<Compared[]> {
  const samples: { ours: Sample; bare: Sample }[] = []
  for (let round = isCold ? 1 : 0; round <= rounds; round += 1) {
    onRound(round)
    // Each goes first in every other round, so that what one leaves behind falls on both alike.
    const isOursFirst = round % 2 === 0
    const first = await (isOursFirst ? ours : bare)()
    const second = await (isOursFirst ? bare : ours)()
    const sample = isOursFirst ? { ours: first, bare: second } : { ours: second, bare: first }
    if (round > 0) samples.push(sample)
  }
  return figures.map((figure) => {
    const pairs = samples.map((sample) => ({
      ours: valueOf(sample.ours, figure),
      bare: valueOf(sample.bare, figure),
    }))
    const compared = {
      ...figure,
      ours: spreadOf(pairs.map((pair) => pair.ours)),
      bare: spreadOf(pairs.map((pair) => pair.bare)),
      ratio: spreadOf(pairs.map((pair) => pair.ours / pair.bare)),
    }
    return figure.aim ? { ...compared, met: isMet(figure.aim, compared) } : compared
  })
}

function valueOf(sample: Sample, { name }: Figure): number {
  const value = sample[name]
  if (value === undefined) throw new Error(`a round did not measure "${name}"`)
  return value
}

export function isMet(aim: Aim, { ours, ratio }: { ours: Spread; ratio: Spread }): boolean {
  const { oursAtMost = Infinity, ratioAtMost = Infinity, ratioAtLeast = 0 } = aim
  return ours.median <= oursAtMost && ratio.median <= ratioAtMost && ratio.median >= ratioAtLeast
}
