/** Stripe's API version that this code is written against: pinned in the client and on the webhook endpoint. */
export const API_VERSION = '2026-10-28.endive'
