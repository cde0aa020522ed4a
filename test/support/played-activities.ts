import type { Followed } from '../../activities/record-look.ts'
import { toFailure } from '../../activities/failures.ts'
import type { RecordActivities, StripeActivities } from '../../activities/index.ts'
import type { ReconcileActivities } from '../../activities/reconcile/index.ts'
import type { KnownSubscription } from '../../domain/subscription.ts'

type Activities = StripeActivities & RecordActivities & ReconcileActivities

/** What workflows may do, as a test plays it. */
export type PlayedActivities = Partial<Activities>

/** Everything that workflows may do. */
export const activityNames = Object.keys({
  attemptPayment: true,
  beginReconciling: true,
  changePaymentMethod: true,
  followDispute: true,
  followRefund: true,
  chargeTopUp: true,
  followSetupPage: true,
  followSubscription: true,
  forgetClockDeadline: true,
  leaveExhausted: true,
  lookAtCase: true,
  openCheckout: true,
  openRefund: true,
  openSetupPage: true,
  openTestClock: true,
  playTestClock: true,
  publishCatalog: true,
  readCheckout: true,
  recordCheckout: true,
  recordDunningStep: true,
  recordOperatorAction: true,
  recordRefusal: true,
  recordTrialNotice: true,
  remindOfDispute: true,
  reconcileStep: true,
  reportClockDeadline: true,
  runCommand: true,
  setTestClock: true,
  skipRefund: true,
  skipTopUp: true,
  voidInvoices: true,
  watchWallet: true,
} satisfies Record<keyof Activities, true>) as (keyof Activities)[]

/** Activities for workers, each of which does what it was last told to. */
export function createPlayedActivities() {
  let played: PlayedActivities = {}

  /** Fails as the interceptor of the real worker makes it fail. */
  const playing =
    (name: keyof Activities) =>
    async (...parameters: unknown[]) => {
      const activity = played[name] as ((...parameters: unknown[]) => unknown) | undefined
      if (!activity) throw new Error(`nobody plays ${name}`)
      try {
        return await activity(...parameters)
      } catch (error) {
        throw toFailure(error)
      }
    }

  return {
    /** By their names, for a worker. */
    all: Object.fromEntries(activityNames.map((name) => [name, playing(name)])),
    /** From here on they do as these do. */
    play: (activities: PlayedActivities): void => {
      played = activities
    },
  }
}

/** What a look tells of a subscription that is known like this. */
export const following = (known: KnownSubscription, seen: Partial<Followed> = {}): Followed => ({
  known,
  owes: false,
  neverStarted: false,
  openCases: [],
  toVoid: [],
  ...seen,
})
