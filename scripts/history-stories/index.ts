import type { PlayedStory } from '../history-stage.ts'
import { cardStories } from './cards.ts'
import { creditStories } from './credits.ts'
import { disputeStories } from './dispute.ts'
import { dunningStories } from './dunning.ts'
import { refundStories } from './refund.ts'
import { subscriptionStories } from './subscription.ts'
import { upkeepStories } from './upkeep.ts'

export { checkoutStories } from './checkout.ts'

/** Each way through each workflow once, where the story says what activities answer. */
export const playedStories: Record<string, PlayedStory> = {
  ...subscriptionStories,
  ...dunningStories,
  ...refundStories,
  ...disputeStories,
  ...cardStories,
  ...creditStories,
  ...upkeepStories,
}
