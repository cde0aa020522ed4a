import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'

/** How operators find workflows. Never personal data: search attributes are not encrypted. */
export const searchAttributes = {
  project: defineSearchAttributeKey('QuittanceProject', SearchAttributeType.KEYWORD),
  user: defineSearchAttributeKey('QuittanceUser', SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey('QuittanceStatus', SearchAttributeType.KEYWORD),
  plan: defineSearchAttributeKey('QuittancePlan', SearchAttributeType.KEYWORD),
  attention: defineSearchAttributeKey('QuittanceAttention', SearchAttributeType.KEYWORD),
} as const
