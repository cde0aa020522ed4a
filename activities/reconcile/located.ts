import { inProject, type Transaction } from '../../db/client.ts'
import { existingProjects } from '../../db/projects.ts'
import { findOwners, type OwnerId } from '../../db/stripe-objects.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { Claim } from '../../domain/provider-books.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'

/** An object of Stripe's, and whose it is. */
export interface Located<Item> {
  item: Item
  projectId: ProjectId
  /** Our owner of the first of its ids that we know. */
  ownerId: OwnerId | undefined
}

/** Finds out whose objects these are: by our ids in their metadata where such a project exists, else by what we know of Stripe's
 *  ids. On a shared account many are nobody's. */
export async function locate<Item extends { claim: Claim }>(
  { system, livemode }: ReconcileDependencies,
  items: Item[],
  idsOf: (item: Item) => (string | undefined)[],
): Promise<{ ours: Located<Item>[]; foreign: number }> {
  const claimed = items.map(({ claim }) => claim.projectId).filter((id) => id !== undefined)
  const stripeIds = items.flatMap(idsOf).filter((id) => id !== undefined)
  const [projects, owners] = await Promise.all([
    existingProjects(system, [...new Set(claimed)]),
    findOwners(system, { stripeIds: [...new Set(stripeIds)], livemode }),
  ])
  const ours = items.flatMap((item): Located<Item>[] => {
    const owner = idsOf(item)
      .map((id) => id && owners.get(id))
      .find(Boolean)
    const { projectId: byClaim } = item.claim
    const projectId = byClaim && projects.has(byClaim) ? byClaim : owner ? owner.projectId : undefined
    return projectId ? [{ item, projectId, ownerId: owner ? owner.ownerId : undefined }] : []
  })
  return { ours, foreign: items.length - ours.length }
}

/** Compares objects with the rows of the project that each belongs to, in one transaction for each project. */
export async function comparePerProject<Item extends { claim: Claim }>(
  dependencies: ReconcileDependencies,
  items: Item[],
  idsOf: (item: Item) => (string | undefined)[],
  compare: (transaction: Transaction, projectId: ProjectId, items: Located<Item>[]) => Promise<Finding[]>,
): Promise<Comparison> {
  const { ours, foreign } = await locate(dependencies, items, idsOf)
  const byProject = new Map<ProjectId, Located<Item>[]>()
  for (const located of ours)
    byProject.set(located.projectId, [...(byProject.get(located.projectId) ?? []), located])
  const findings: Finding[] = []
  for (const [projectId, ofProject] of byProject)
    findings.push(
      ...(await inProject(dependencies.database, projectId, (transaction) =>
        compare(transaction, projectId, ofProject),
      )),
    )
  return { findings, foreign }
}
