import type { Account } from '../account.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { boolean, clearable, hash, metadata, text, unsupported } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { evidenceFields, type Dispute, type Evidence } from '../objects/dispute.ts'
import { answerDispute, decideDispute } from '../processes/disputing.ts'
import { named } from './find.ts'

const evidenceShape = {
  ...Object.fromEntries(evidenceFields.map((field) => [field, clearable(text(20_000))])),
  appeal: unsupported(),
  enhanced_evidence: unsupported(),
}

const disputeNamed = (account: Account, id: string): Dispute => named(account.disputes, id, 'dispute')

const filters = { ...pagingByTime, charge: text(), payment_intent: text() }

export const disputeRoutes = [
  route('GET', '/v1/disputes', filters, ({ account, params }) =>
    pageOf(
      account.disputes
        .all()
        .filter(
          (dispute) =>
            within(dispute.created, params.created) &&
            (params.charge === undefined || dispute.charge === params.charge) &&
            (params.payment_intent === undefined || dispute.payment_intent === params.payment_intent),
        ),
      params,
      '/v1/disputes',
    ),
  ),
  route('GET', '/v1/disputes/:dispute', {}, ({ account, path }) => disputeNamed(account, path('dispute'))),
  route(
    'POST',
    '/v1/disputes/:dispute',
    {
      evidence: hash(evidenceShape),
      intended_submission_method: unsupported(),
      metadata: metadata(),
      submit: boolean(),
    },
    ({ account, params, path }) => {
      const dispute = disputeNamed(account, path('dispute'))
      answerDispute(account, dispute, {
        evidence: params.evidence as Partial<Evidence> | undefined,
        metadata: params.metadata,
        submit: params.submit,
      })
      return dispute
    },
  ),
  route('POST', '/v1/disputes/:dispute/close', {}, ({ account, path }) => {
    const dispute = disputeNamed(account, path('dispute'))
    decideDispute(account, dispute, 'lost')
    return dispute
  }),
]

export const earlyFraudWarningRoutes = [
  route('GET', '/v1/radar/early_fraud_warnings', filters, ({ account, params }) =>
    pageOf(
      account.earlyFraudWarnings
        .all()
        .filter(
          (warning) =>
            within(warning.created, params.created) &&
            (params.charge === undefined || warning.charge === params.charge) &&
            (params.payment_intent === undefined || warning.payment_intent === params.payment_intent),
        ),
      params,
      '/v1/radar/early_fraud_warnings',
    ),
  ),
  route('GET', '/v1/radar/early_fraud_warnings/:warning', {}, ({ account, path }) =>
    named(account.earlyFraudWarnings, path('warning'), 'early_fraud_warning'),
  ),
]
