/** `stack.json` tells the rest of the world where the running stack is. Its form is public. */

import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { DemoProject } from './demo-project.ts'

export interface Stack {
  api_url: string
  operator_key: string
  demo: DemoProject
  temporal_address: string
  temporal_namespace: string
  temporal_ui_url: string | null
  /** `none` where Kafka is left out. */
  kafka_brokers: string
  database_url: string
  database_owner_url: string | null
  stripe_api_base: string
  stripe_secret_key: string
  stripe_webhook_secret: string
  /** Null where mails go to a mail server of your own. */
  mailbox_url: string | null
}

export const stackFile = (stateDirectory: string): string => path.join(stateDirectory, 'stack.json')

export const readStack = (stateDirectory: string): Promise<Stack | undefined> =>
  readFile(stackFile(stateDirectory), 'utf8')
    .then((text) => JSON.parse(text) as Stack)
    .catch(() => undefined)

/** Written in one piece, because others may be waiting for it, and readable by its owner alone: it holds keys. */
export async function writeStack(stateDirectory: string, stack: Stack): Promise<void> {
  await writeOwn(stackFile(stateDirectory), stack)
}

export async function writeOwn(file: string, content: object): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
