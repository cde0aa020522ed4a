import { cpus, release, totalmem, type } from 'node:os'

/** What figures and proofs say of the machine on which they were made. */
export interface MachineFacts {
  processor: string
  cores: number
  memory_gib: number
  system: string
}

export const machineFacts = (): MachineFacts => ({
  processor: cpus()[0]?.model ?? 'unknown processor',
  cores: cpus().length,
  memory_gib: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()}`,
})
