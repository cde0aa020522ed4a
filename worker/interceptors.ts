import type { Context } from '@temporalio/activity'
import type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptors,
  Next,
} from '@temporalio/worker'
import { toFailure } from '../activities/failures.ts'

/** Well within the heartbeat timeout of `workflows/proxies.ts`. */
const HEARTBEAT_INTERVAL_MS = 2_500
/** Their heartbeats say how far they have come, and an empty one would hide it. */
const showsProgress = new Set(['playTestClock'])

/** What every activity has in common: it shows that its worker lives, and its errors leave only as failures that Temporal
 *  can tell apart. */
export function activityInterceptors(context: Context): ActivityInterceptors {
  const inbound: ActivityInboundCallsInterceptor = {
    async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>) {
      const heartbeat =
        context.info.isLocal || showsProgress.has(context.info.activityType)
          ? undefined
          : setInterval(() => context.heartbeat(), HEARTBEAT_INTERVAL_MS)
      try {
        return await next(input)
      } catch (error) {
        throw toFailure(error)
      } finally {
        clearInterval(heartbeat)
      }
    },
  }
  return { inbound }
}
