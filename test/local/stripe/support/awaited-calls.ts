/** Flows that need calls the local Stripe has not got yet, with the call each one waits for. */
export const awaitedCalls: Record<string, string> = {}
