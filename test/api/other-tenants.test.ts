import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, operatorKey, type TestApi } from './support/api.ts'
import { bodyOf, fill, type Route, routesOf } from './support/routes.ts'
import { seedTenant, type Tenant } from './support/tenant.ts'

/** One tenant puts whatever is the other's wherever a request can name something. The routes are those of the document, so that
 *  a new one is tried without anybody thinking of it, and fails here until its parameters and its body are known. */
let api: TestApi
let mine: Tenant
let theirs: Tenant
let superuser: postgres.Sql
let routes: Route[]

beforeAll(async () => {
  api = await createTestApi()
  mine = await seedTenant(api, 'my-user')
  theirs = await seedTenant(api, 'their-user')
  superuser = postgres(api.database.superuserUrl, { max: 1, onnotice: () => {} })
  routes = routesOf(api.document)
})
afterAll(async () => {
  await superuser.end()
  await api.close()
})

/** Operators see all of these. */
const isOfInstallation = ({ path }: Route) => /^\/api\/v1\/(projects$|operators|reconciliations)/.test(path)
/** Users, and their cards, have names that every project gives for itself. */
const namesAnObject = ({ path }: Route) => path.replaceAll(/\{(user|payment_method)_id\}/g, '').includes('{')

/** Sends a request in which everything is theirs that can be.
 *  @returns its status, whether it is one that another tenant may get, and what of theirs the answer tells. */
async function reach(route: Route, caller: { key: string; headers?: Record<string, string> }) {
  const query = route.query.flatMap((name) => {
    const value = { ...theirs.named, format: 'csv' }[name]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  const path = fill(route.path, theirs.named) + (query.length > 0 ? `?${query.join('&')}` : '')
  const body = route.takesBody ? { body: bodyOf(route, theirs.named) } : {}
  const sent = path + JSON.stringify(body)
  const answer = await api.call(route.method, path, { ...caller, ...body })
  const text = JSON.stringify(answer.body ?? null) + JSON.stringify([...answer.headers])
  // A user's name says something else in each project, and is answered as it was asked for.
  const { user_id: _name, payment_method_id: _card, ...ids } = theirs.named
  const told = Object.values({ ...ids, key: theirs.key, email: `${theirs.userId}@shop.test` })
  // A body that were refused as such would have reached nothing.
  const right = namesAnObject(route) ? [403, 404] : [200, 201, 202, 204, 403, 404, 409]
  return {
    route: route.name,
    status: answer.status,
    isRight: right.includes(answer.status),
    // A refusal may say what it was asked for.
    leaks: told.filter((value) => text.includes(value) && !(answer.status >= 400 && sent.includes(value))),
  }
}

/** A digest of all rows of a project, by table. */
async function rowsOf({ projectId }: Tenant): Promise<Record<string, string>> {
  const tables = await superuser<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
    where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition`
  const digests: Record<string, string> = {}
  for (const { name } of tables) {
    const [row] = await superuser<{ digest: string | null }[]>`
      select md5(string_agg(t::text, '|' order by t::text)) as digest
      from ${superuser(name)} t where project_id = ${projectId}`
    if (row?.digest) digests[name] = row.digest
  }
  return digests
}

describe('what belongs to another project', () => {
  it('is neither told nor touched on any route, by a key of mine', async () => {
    const before = await rowsOf(theirs)
    expect(Object.keys(before).length).toBeGreaterThan(15)
    expect(routes.length).toBeGreaterThan(50)
    for (const route of routes) {
      const reached = await reach(route, { key: mine.key })
      expect(reached).toEqual({ ...reached, leaks: [], isRight: true })
    }
    expect(await rowsOf(theirs)).toEqual(before)
  })

  it('is not had by naming that project in the header', async () => {
    const before = await rowsOf(theirs)
    const headers = { 'X-Project-ID': theirs.projectId }
    for (const route of routes)
      expect(await reach(route, { key: mine.key, headers })).toMatchObject({
        route: route.name,
        status: 403,
        leaks: [],
      })
    expect(await rowsOf(theirs)).toEqual(before)
  })

  it('stays apart for an operator who acts for my project', async () => {
    const before = await rowsOf(theirs)
    const headers = { 'X-Project-ID': mine.projectId }
    for (const route of routes.filter((one) => !isOfInstallation(one))) {
      const reached = await reach(route, { key: operatorKey, headers })
      expect(reached).toEqual({ ...reached, leaks: [], isRight: true })
    }
    expect(await rowsOf(theirs)).toEqual(before)
  })

  it('is there for itself: what was tried is what exists', async () => {
    const reading = routes.filter((route) => route.method === 'GET' && namesAnObject(route))
    for (const route of reading.filter((one) => !isOfInstallation(one) && !one.path.endsWith('/keys')))
      expect(await reach(route, { key: theirs.key })).toMatchObject({ route: route.name, status: 200 })
  })
})
