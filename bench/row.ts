import type { Stack } from './stack.ts'

/** One line of figures: what is measured of us, beside a bare program that does the same unavoidable work. */
export interface Row {
  id: string
  name: string
  /** What the bare program does, in words. */
  bareProgram: string
  /** Where an aim is missed: what ours does that the bare program does not, and what would come next to do less. */
  whyMore?: string
  figures: Figure[]
  /** Where a round takes long, so many at most. */
  roundsAtMost?: number
  /** Where a round that warms up would change what is measured. */
  isCold?: boolean
  /** Makes what the rounds need and what is not to be measured. */
  prepare: (stack: Stack) => Promise<PreparedRow>
}

export interface PreparedRow {
  /** One round. */
  ours: () => Promise<Sample>
  bare: () => Promise<Sample>
  end?: () => Promise<void>
}

/** The figures of one round, by name. */
export type Sample = Record<string, number>

export interface Figure {
  name: string
  unit: 'ms' | 's' | 'MiB' | 'per second'
  aim?: Aim
}

/** Ours alone, or ours divided by the bare program's; a figure may be held to both. */
export interface Aim {
  oursAtMost?: number
  ratioAtMost?: number
  ratioAtLeast?: number
}

/** Figures of the 50th, 95th and 99th percentile, each with its aim. */
export function percentileFigures(prefix: string, aims: { p50?: Aim; p95?: Aim; p99?: Aim }): Figure[] {
  return (['p50', 'p95', 'p99'] as const).map((rank) => ({
    name: `${prefix} ${rank}`,
    unit: 'ms',
    ...(aims[rank] && { aim: aims[rank] }),
  }))
}
