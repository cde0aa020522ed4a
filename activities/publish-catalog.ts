import { listUnpublished } from '../db/catalog.ts'
import { inProject } from '../db/client.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { ensurePrice } from './open-checkout.ts'

/** Makes the prices that a project's plans and products still lack at the provider. Safe to repeat: each is one effect. */
export function createPublishCatalog(dependencies: ActivityDependencies) {
  return async function publishCatalog({
    projectId,
  }: {
    projectId: ProjectId
  }): Promise<{ published: number }> {
    const items = await inProject(dependencies.database, projectId, (transaction) =>
      listUnpublished(transaction, projectId),
    )
    for (const item of items) await ensurePrice(dependencies, { projectId, item })
    return { published: items.length }
  }
}
