/** Run by the guard when a supervisor is gone: `guard-main.ts STATE_DIRECTORY SUPERVISOR_PID [remove-state]`. */

import { rm } from 'node:fs/promises'
import { endOrphans } from './records.ts'

const [stateDirectory, supervisor, removeState] = process.argv.slice(2)
if (!stateDirectory || !supervisor) throw new Error('guard-main.ts needs a state directory and a process id')
await endOrphans(stateDirectory, Number(supervisor))
if (removeState) await rm(stateDirectory, { recursive: true, force: true })
