import { setCurrentDetails } from '@temporalio/workflow'

/** The tab *User Metadata* of Temporal UI: what the workflow waits for now, and above it what stays true while this run lasts.
 *  Each workflow has a copy of this module of its own. */
let lasting = ''
let current = ''

export function showDetails(text: string): void {
  current = text
  setCurrentDetails([lasting, current].filter(Boolean).join('\n\n'))
}

export function showLasting(text: string): void {
  lasting = text
  showDetails(current)
}
