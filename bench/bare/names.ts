/** What the bare workflow, its workers and its callers agree on. Imported by workflow code, so it imports nothing itself. */

export const BARE_TASK_QUEUE = 'bare'
export const BARE_STRIPE_TASK_QUEUE = 'bare-stripe'

export interface BareCheckoutInput {
  paymentId: string
  priceId: string
  /** Without one, a customer is made. */
  customerId?: string
}

export interface BareSession {
  sessionId: string
  url: string
}

export interface BareOpenInput {
  paymentId: string
  sessionId: string
  /** It does nothing until its history is so long, and then waits. */
  historyEvents: number
}

export const bareWorkflowId = (paymentId: string): string => `bare/${paymentId}`
