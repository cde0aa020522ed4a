import { TestWorkflowEnvironment } from '@temporalio/testing'
import { part } from './stack.ts'

/** A Temporal server whose clock jumps to the next timer. It has one clock for all its workflows, so each test file
 *  has its own; `teardown()` ends it. */
export function createTimeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: part('testServer').executable } },
  })
}
