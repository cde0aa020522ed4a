import type { Account } from '../account.ts'
import { refundFailureReasons } from '../objects/refund.ts'
import { cancelRefund, failRefund, hasFailed, settleRefund } from '../processes/refunding.ts'
import { named } from '../routes/find.ts'
import { badParameter } from './errors.ts'
import { render } from './expand.ts'
import { choiceOf, type Given } from './local-input.ts'

/** What a bank does with a refund, without waiting for it; a pending one can be canceled as in the dashboard. */
export function moveRefundByHand(account: Account, id: string, given: Given): object {
  const refund = named(account.refunds, id, 'refund')
  const status = choiceOf(given.status, 'status', ['succeeded', 'failed', 'canceled'])
  if (hasFailed(refund) || (status === 'canceled' && refund.status !== 'pending'))
    throw badParameter(`A refund that is ${refund.status} cannot become ${status}.`, { param: 'status' })
  if (status === 'succeeded') settleRefund(account, refund)
  if (status === 'canceled') cancelRefund(account, refund)
  if (status === 'failed')
    failRefund(account, refund, choiceOf(given.failure_reason, 'failure_reason', refundFailureReasons))
  return render(account, refund, [])
}
