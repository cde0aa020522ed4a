/** Ends the parts when their supervisor is killed without a chance to do so itself. */

import { spawn } from 'node:child_process'
import path from 'node:path'

/** A shell waits on a pipe that only this process holds: it closes when the process is gone, however that happened, and
 *  then `guard-main.ts` ends what was recorded. Waiting this way costs next to nothing.
 *  @returns a function that calls the guard off, for an orderly end. */
export function startGuard(stateDirectory: string, options: { removeState?: boolean } = {}): () => void {
  const guard = spawn(
    '/bin/sh',
    [
      ['-c', 'cat > /dev/null; exec "$@"', 'guard', process.execPath, '--import', 'tsx'],
      [path.join(import.meta.dirname, 'guard-main.ts'), stateDirectory, String(process.pid)],
      options.removeState ? ['remove-state'] : [],
    ].flat(),
    { cwd: path.resolve(import.meta.dirname, '..'), stdio: ['pipe', 'ignore', 'ignore'], detached: true },
  )
  guard.unref()
  guard.once('error', () => {}) // Without a shell there is no guard; the next start then ends what is left.
  return () => void guard.kill('SIGKILL')
}
