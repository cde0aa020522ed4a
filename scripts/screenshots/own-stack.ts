import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readStack, type Stack } from '../../local/stack-file.ts'

/** A stack that only the pictures use, so that nothing else of this machine is seen in them. */
export async function startOwnStack(root: string): Promise<{ stack: Stack; stop: () => Promise<void> }> {
  const stateDirectory = await mkdtemp(path.join(tmpdir(), 'quittance-screenshots-'))
  await chmod(stateDirectory, 0o755) // Postgres may run as another user, who must be able to enter.
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/start.ts', '--without-kafka'], {
    cwd: root,
    env: {
      ...process.env,
      QUITTANCE_STATE: stateDirectory,
      QUITTANCE_CACHE: process.env.QUITTANCE_CACHE ?? path.join(root, '.quittance', 'cache'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const onExit = () => child.kill('SIGINT')
  process.once('exit', onExit)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  const stop = async () => {
    process.off('exit', onExit)
    child.kill('SIGINT')
    await ended
    await rm(stateDirectory, { recursive: true, force: true, maxRetries: 5 })
  }

  let output = ''
  const isUp = new Promise<boolean>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('Quittance is running')) resolve(true)
    })
    void ended.then(() => resolve(false))
  })
  const stack = (await isUp) ? await readStack(stateDirectory) : undefined
  if (stack) return { stack, stop }
  await stop()
  throw new Error(`The stack for the pictures did not start:\n${output}`)
}
