/** `bundle-workflows.ts FILE`: builds the workflows once, for all workers that are then started with the file's path in
 *  `QUITTANCE_WORKFLOW_BUNDLE`. */

import { writeWorkflowBundle } from '../worker/bundle.ts'

const file = process.argv[2]
if (!file) throw new Error('Usage: bundle-workflows.ts FILE')
await writeWorkflowBundle(file)
