import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, type Logger, type WorkflowBundleWithSourceMap } from '@temporalio/worker'

/** Builds the workflows into the one file that runs in the sandbox. */
export function bundleWorkflows(logger?: Logger): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: workflowFile('index.ts'),
    workflowInterceptorModules: [workflowFile('interceptors.ts')],
    ...(logger && { logger }),
  })
}

/** Builds it once for many workers, which then start without building. */
export async function writeWorkflowBundle(path: string, logger?: Logger): Promise<void> {
  const { code } = await bundleWorkflows(logger)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, code)
}

const workflowFile = (name: string) => fileURLToPath(new URL(`../workflows/${name}`, import.meta.url))
