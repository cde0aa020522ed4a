import { inProject, type Transaction } from '../db/client.ts'
import { owedBy } from '../db/dunning.ts'
import { findSubscription } from '../db/subscriptions.ts'
import { BillingError } from '../domain/errors.ts'
import type { InvoiceSnapshot } from '../domain/subscription.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { type Followed, recordLook } from './record-look.ts'
import { type Cause, openScene, type Subject } from './scene.ts'

export interface FollowInput extends Subject {
  /** An invoice to look at beside the latest one: that of a case. */
  invoiceId?: string
  /** Invoices that hints were about: Stripe shows the latest alone, and a change may have hidden one that waits. */
  hintedInvoices?: string[]
  /** The end of the last period that the caller knows. When Stripe is further, the invoices between are looked at as well. */
  knownPeriodEnd?: number
  /** The revision of the row that the caller knows; it is asked for when left out. */
  knownRevision?: number
  cause?: Cause
}

/** Looks at Stripe and makes our rows follow: the subscription, its cases, ledger, audit, events, and what the user's roles
 *  become, in one transaction. The rows decide under their customer's lock, so any number of looks write each change once.
 *
 *  A look that somebody has overtaken, by another look or by a command, may have seen what is no longer so: it looks again. */
export function createFollowSubscription({ database, provider, now }: ActivityDependencies) {
  return async function followSubscription(input: FollowInput): Promise<Followed> {
    const { invoiceId, knownPeriodEnd, cause = { by: 'stripe' }, ...rest } = input
    const { knownRevision, hintedInvoices = [], ...subject } = rest
    let revision =
      knownRevision ?? (await inTenant(subject, (transaction) => readRevision(transaction, subject)))
    const alsoRead = new Set(invoiceId === undefined ? [] : [invoiceId])
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const { snapshot, invoices } = await read(subject, { alsoRead, hintedInvoices, knownPeriodEnd })
      const followed = await inTenant(subject, async (transaction) => {
        const scene = await openScene(transaction, { subject, cause, now: now() })
        const current = scene.subscription?.subscription.revision ?? 0
        // What nobody retries any more may be paid at any time, and no workflow of its own looks after it.
        const unread = (owedBy(scene.cases).leftUnpaid ?? []).filter(
          (id) => !invoices.some((invoice) => invoice.invoiceId === id),
        )
        if (current === revision && unread.length === 0) return recordLook(scene, snapshot, invoices)
        revision = current
        for (const id of unread) alsoRead.add(id)
        return undefined
      })
      if (followed) return followed
    }
    throw new Error(`subscription ${subject.subscriptionId} changes faster than it can be read`)
  }

  async function read(
    { stripeSubscriptionId }: Subject,
    { alsoRead, hintedInvoices, knownPeriodEnd }: Reading,
  ) {
    const snapshot = await provider.readSubscription(stripeSubscriptionId)
    const { latestInvoice } = snapshot
    // Nobody has looked for longer than a period: each of those that went by is a renewal of its own.
    const missed =
      knownPeriodEnd !== undefined && snapshot.currentPeriodStart > knownPeriodEnd
        ? await provider.listInvoices({ providerSubscriptionId: stripeSubscriptionId, since: knownPeriodEnd })
        : []
    const invoices = missed.filter((invoice) => invoice.invoiceId !== latestInvoice?.invoiceId)
    for (const invoiceId of new Set([...alsoRead, ...hintedInvoices])) {
      if ([...invoices, latestInvoice].some((one) => one?.invoiceId === invoiceId)) continue
      const invoice = await (alsoRead.has(invoiceId)
        ? provider.readInvoice(invoiceId)
        : readHinted(invoiceId))
      if (invoice) invoices.push(invoice)
    }
    if (latestInvoice) invoices.push(latestInvoice)
    return { snapshot, invoices }
  }

  /** A hint is not the truth: what it names may be gone by now. */
  async function readHinted(invoiceId: string): Promise<InvoiceSnapshot | undefined> {
    try {
      return await provider.readInvoice(invoiceId)
    } catch (error) {
      if (error instanceof BillingError && error.code === 'provider_object_missing') return undefined
      throw error
    }
  }

  function inTenant<Result>({ projectId }: Subject, work: (transaction: Transaction) => Promise<Result>) {
    return inProject(database, projectId, work)
  }
}
export type FollowSubscription = ReturnType<typeof createFollowSubscription>

interface Reading {
  alsoRead: Set<string>
  hintedInvoices: string[]
  knownPeriodEnd: number | undefined
}

/** More often than a look is overtaken. */
const MAX_LOOKS = 5

async function readRevision(
  transaction: Transaction,
  { projectId, subscriptionId }: Subject,
): Promise<number> {
  return (await findSubscription(transaction, projectId, subscriptionId))?.subscription.revision ?? 0
}
