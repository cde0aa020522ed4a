export * from './ledger.ts'
export * from './messages.ts'
export * from './payments.ts'
export * from './projects.ts'
