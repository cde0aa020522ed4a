/** What the processes of a run hold, by the system's own account. */

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** The memory of each recorded process with all that it has started, in MiB, by its name without a port: `stripe`. What they
 *  share is counted for each of them, so Postgres seems to hold more than it does. */
export async function memoryOfProcesses(runDirectory: string): Promise<Map<string, number>> {
  const [recorded, { stdout }] = await Promise.all([
    recordedProcesses(runDirectory),
    promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss='], { maxBuffer: 2 ** 24 }),
  ])
  const running = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0, rss_kib = 0]) => ({ pid, parent, rss_kib }))
  const withOffspring = (pid: number): number =>
    (running.find((one) => one.pid === pid)?.rss_kib ?? 0) +
    running.filter(({ parent }) => parent === pid).reduce((sum, child) => sum + withOffspring(child.pid), 0)
  return new Map(recorded.map(({ name, pid }) => [name.replace(/-\d+$/, ''), withOffspring(pid) / 1024]))
}

async function recordedProcesses(runDirectory: string): Promise<{ name: string; pid: number }[]> {
  const files = (await readdir(runDirectory, { recursive: true })).filter((file) =>
    /(^|\/)processes\/[^/]+\.json$/.test(file.split(path.sep).join('/')),
  )
  return Promise.all(
    files.map(
      async (file) =>
        JSON.parse(await readFile(path.join(runDirectory, file), 'utf8')) as { name: string; pid: number },
    ),
  )
}
