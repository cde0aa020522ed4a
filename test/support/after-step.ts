import type { CaseView, DunningStepToRecord } from '../../activities/dunning-steps.ts'

/** A case as its rows would have it after a step; the same one when there was nothing left to write. */
export function afterStep(view: CaseView, step: DunningStepToRecord): CaseView {
  if (view.status !== 'open') return view
  switch (step.kind) {
    case 'notice':
    case 'skip_notice':
      return view.retriesNoticed >= step.retry ? view : { ...view, retriesNoticed: step.retry }
    case 'skip_retry':
      return {
        ...view,
        retriesDone: step.retry,
        retriesNoticed: Math.max(view.retriesNoticed, step.retry),
      }
    case 'end_grace':
      return { ...view, graceEnded: true }
    case 'exhaust':
      return {
        ...view,
        status: 'exhausted',
        graceEnded: view.graceEnded || view.policy.onExhausted === 'leave_past_due',
      }
  }
}
