/** What the owner of an account chooses in Stripe's dashboard, and limits that a stand-in need not have. */
export interface Settings {
  /** The days after the first failure on which Stripe tries an invoice again by itself; none switches that off. */
  retry_days: number[]
  /** What becomes of a subscription whose invoice Stripe will not try again; an account without retries of Stripe's own
   *  gets there with the first failure. */
  after_last_retry: 'cancel' | 'unpaid' | 'past_due'
  /** How many days before a renewal `invoice.upcoming` is sent. */
  upcoming_invoice_days: number
  /** Stripe allows three customers on a clock. */
  customers_per_test_clock: number
  /** How long a test clock takes to advance at least; at Stripe it is seconds. */
  test_clock_advance_ms: number
}

export const defaultSettings: Settings = {
  retry_days: [3, 5, 7],
  after_last_retry: 'past_due',
  upcoming_invoice_days: 7,
  customers_per_test_clock: 1000,
  test_clock_advance_ms: 0,
}
