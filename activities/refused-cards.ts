import type { DunningAttemptRow, DunningCaseRow } from '../db/dunning.ts'
import { judgeDecline } from '../domain/decline-codes.ts'

/** Whether the bank has said that this card cannot pay, or not without the customer. */
export function isRefused(attempts: DunningAttemptRow[], paymentMethodId: string | null): boolean {
  return attempts
    .filter(
      (attempt) =>
        attempt.paymentMethodId === paymentMethodId &&
        (attempt.outcome === 'declined' || attempt.outcome === 'needs_customer'),
    )
    .some(
      ({ outcome, declineCode, adviceCode }) =>
        outcome === 'needs_customer' ||
        judgeDecline({
          ...(declineCode !== null && { declineCode }),
          ...(adviceCode !== null && { adviceCode }),
        }) !== 'retry_later',
    )
}

/** Whether each card that we know of is refused: a retry finds none to charge, unless the customer brings another one. */
export function isOutOfCards({ knownCards }: DunningCaseRow, attempts: DunningAttemptRow[]): boolean {
  const cards = [...(knownCards ?? []), ...attempts.map(({ paymentMethodId }) => paymentMethodId)]
  return attempts.length > 0 && cards.every((card) => isRefused(attempts, card))
}
