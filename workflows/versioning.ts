import { workflowInfo } from '@temporalio/workflow'

/** What becomes of running workflows when a release is deployed. Only workers that name their release say so: Temporal refuses
 *  to hear it from others, whose workflows are carried on by whatever runs. */
const ofRelease = (versioningBehavior: 'PINNED' | 'AUTO_UPGRADE') => () =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior } : {}

/** Ends with the release that began it. */
export const pinned = ofRelease('PINNED')
/** Goes over to the new release. */
export const upgrading = ofRelease('AUTO_UPGRADE')
