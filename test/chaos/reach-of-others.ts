import { bodyOf, fill, type Route, routesOf } from '../api/support/routes.ts'
import type { OpenApiDocument } from '../api/support/conformance.ts'
import { atMost } from '../support/at-most.ts'
import type { Product } from '../support/product.ts'
import { createRandom, sample } from '../support/random.ts'
import { ask, type PlayedProject } from './world.ts'

/** Nobody reads what belongs to another project, or changes it. */
export async function reachOfOthers(
  product: Product,
  projects: PlayedProject[],
  readsAtMost: number,
): Promise<string[]> {
  const found = [await foreignObjects(product, projects, readsAtMost)]
  const [first] = projects
  if (!first) return []
  const answer = await fetch(`${product.apiUrl}/openapi.json`)
  const routes = routesOf((await answer.json()) as OpenApiDocument).filter(namesAnObject)
  for (const [index, mine] of projects.entries()) {
    const theirs = projects[(index + 1) % projects.length] ?? first
    if (theirs !== mine) found.push(await foreignWrites(product, routes, { mine, theirs }))
  }
  return found.flat()
}

/** Users, and their cards, have names that every project gives for itself. */
const namesAnObject = ({ path }: Route) =>
  path.replaceAll(/\{(user|payment_method|operator|reconciliation)_id\}/g, '').includes('{')

async function foreignObjects(
  { sql }: Product,
  projects: PlayedProject[],
  readsAtMost: number,
): Promise<string[]> {
  const rows = await sql<{ project: string; path: string }[]>`
    select project_id as project, 'payments/' || payment_id || '/status' as path from payments
    union all select project_id, 'subscriptions/' || subscription_id from subscriptions
    union all select project_id, 'refunds/' || refund_id from refunds
    union all select project_id, 'disputes/' || dispute_id from disputes order by 2`
  const random = createRandom(rows.length)
  const perProject = Math.ceil(readsAtMost / projects.length)
  const asked = projects.flatMap(({ client, projectId }) =>
    sample(random, rows, perProject).map((row) => ({ client, projectId, ...row })),
  )
  const flaws = await atMost(8, asked, async ({ client, projectId, project, path }) => {
    const { status } = await ask(client, 'GET', `/api/v1/${path}`)
    return (project === projectId) === (status === 200)
      ? []
      : [`${projectId} is answered ${status} for ${path} of ${project}`]
  })
  return flaws.flat()
}

/** Each route that names an object, with what is theirs, by a key of mine. */
async function foreignWrites(
  product: Product,
  routes: Route[],
  { mine, theirs }: { mine: PlayedProject; theirs: PlayedProject },
): Promise<string[]> {
  const named = await idsOf(product, theirs)
  const before = await rowsOf(product, theirs)
  const flaws = await atMost(4, routes, async (route) => {
    const body = route.takesBody ? bodyOf(route, named) : undefined
    const { status } = await ask(mine.client, route.method, fill(route.path, named), body)
    return status === 403 || status === 404
      ? []
      : [`${mine.projectId} is answered ${status} by ${route.name} with what is of ${theirs.projectId}`]
  })
  const after = await rowsOf(product, theirs)
  const changed = Object.keys(after).filter((table) => before[table] !== after[table])
  return [
    ...flaws.flat(),
    ...changed.map((table) => `${table} of ${theirs.projectId} was changed by another`),
  ]
}

/** Whatever a project does not have is asked for by an id that nobody has. */
async function idsOf(
  { sql }: Product,
  { projectId, clockId }: PlayedProject,
): Promise<Record<string, string>> {
  const nobodys = '0'.repeat(26)
  const [row] = await sql<Record<string, string | null>[]>`
    select (select min(key_id) from api_keys where project_id = ${projectId}) as key_id,
      (select min(user_id) from customers where project_id = ${projectId}) as user_id,
      (select min(payment_id) from payments where project_id = ${projectId}) as payment_id,
      (select min(subscription_id) from subscriptions where project_id = ${projectId}) as subscription_id,
      (select min(invoice_id) from dunning_cases where project_id = ${projectId}) as invoice_id,
      (select min(refund_id) from refunds where project_id = ${projectId}) as refund_id,
      (select min(dispute_id) from disputes where project_id = ${projectId}) as dispute_id`
  return {
    key_id: row?.key_id ?? `key_${nobodys}`,
    user_id: row?.user_id ?? 'nobody',
    payment_id: row?.payment_id ?? `pay_${nobodys}`,
    subscription_id: row?.subscription_id ?? `sbs_${nobodys}`,
    invoice_id: row?.invoice_id ?? 'in_nobody',
    refund_id: row?.refund_id ?? `rfd_${nobodys}`,
    dispute_id: row?.dispute_id ?? `dsp_${nobodys}`,
    payment_method_id: 'pm_nobody',
    project_id: projectId,
    app_id: projectId,
    clock_id: clockId,
  }
}

/** A digest of all rows of a project, by table. */
async function rowsOf({ sql }: Product, { projectId }: PlayedProject): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`
  const digests = await atMost(4, tables, async ({ name }) => {
    const [row] = await sql<{ digest: string | null }[]>`
      select md5(string_agg(t::text, '|' order by t::text)) as digest from ${sql(name)} t
      where project_id = ${projectId}`
    return [name, row?.digest ?? ''] as const
  })
  return Object.fromEntries(digests)
}
