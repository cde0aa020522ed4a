interface LookedAt {
  file: string
  code: string
  mutant: string
  why: string
}

/** Mutants that live on, and why no test should kill them. Told by the code and what was put in its place, each on one line:
 *  whoever changes the code looks again. */
export const survivorsLookedAt: LookedAt[] = [
  {
    file: 'domain/balance-transactions.ts',
    code: 'amountMinor > 0',
    mutant: 'amountMinor >= 0',
    why: 'nothing was answered before',
  },
  {
    file: 'domain/checkout.ts',
    code: "'open'",
    mutant: '""',
    why: 'without the case nothing is decided either',
  },
  {
    file: 'domain/checkout.ts',
    code: 'at < afterExpiry',
    mutant: 'at <= afterExpiry',
    why: 'at the bound both looks are one moment',
  },
  {
    file: 'domain/commands.ts',
    code: 'until !== undefined',
    mutant: 'true',
    why: 'for the compiler: what is not there is not past either',
  },
  {
    file: 'domain/credits.ts',
    code: 'amountMinor > most.amountMinor',
    mutant: 'amountMinor >= most.amountMinor',
    why: 'all of it was answered before',
  },
  {
    file: 'domain/credits.ts',
    code: 'amount > 0',
    mutant: 'amount >= 0',
    why: 'a movement of nothing is no movement',
  },
  {
    file: 'domain/decide-subscription.ts',
    code: 'nextStatus === undefined',
    mutant: 'false',
    why: 'a property holds that no look leads out of the table',
  },
  {
    file: 'domain/decide-subscription.ts',
    code: "'incomplete'",
    mutant: '""',
    why: 'without the case nothing is decided either',
  },
  {
    file: 'domain/dunning-policy.ts',
    code: '[]',
    mutant: '["Stryker was here"]',
    why: 'neither holds days or hours',
  },
  {
    file: 'domain/journal.ts',
    code: "''",
    mutant: '"Stryker was here!"',
    why: 'for the compiler: a key always has both parts',
  },
  {
    file: 'domain/journal.ts',
    code: 'day > lastDay',
    mutant: 'day >= lastDay',
    why: 'the same day stays the same',
  },
  {
    file: 'domain/notices.ts',
    code: "notice.kind === 'top_up_failed'",
    mutant: 'false',
    why: 'for the compiler: a failed top-up has no address',
  },
  {
    file: 'domain/notices.ts',
    code: "'top_up_failed'",
    mutant: '""',
    why: 'for the compiler: a failed top-up has no address',
  },
  {
    file: 'domain/notices.ts',
    code: "''",
    mutant: '"Stryker was here!"',
    why: 'neither is an address',
  },
  {
    file: 'domain/notices.ts',
    code: "'\\n '",
    mutant: '""',
    why: 'between elements, where nobody sees it',
  },
  {
    file: 'domain/subscription.ts',
    code: '[]',
    mutant: '["Stryker was here"]',
    why: 'neither holds a charge that failed',
  },
]
