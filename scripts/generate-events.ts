/** `npx tsx scripts/generate-events.ts`: writes the JSON Schemas of the events and their AsyncAPI document into `events/`.
 *  A test holds what is checked in to what this would write. */

import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { eventDocuments } from '../events/documents.ts'

const directory = path.resolve(import.meta.dirname, '..', 'events')
for (const [name, document] of eventDocuments()) {
  const file = path.join(directory, name)
  const text = await format(JSON.stringify(document), { ...(await resolveConfig(file)), filepath: file })
  await writeFile(file, text)
}
