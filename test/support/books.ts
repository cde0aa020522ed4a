import type { Product } from './product.ts'

/** Every row of the product and every thing that has happened at Stripe, by where it is told. */
export type Books = Record<string, string[]>

/** What workflows wait for on a test clock, what makes requests safe to repeat, and how far Stripe's events, which are read at
 *  Stripe itself, have come with us. */
const leftOut = ['clock_deadlines', 'idempotency_keys', 'inbox']
/** When a row was last touched, or passed on. */
const passing = ['updated_at', 'published_at']

/** Reads all books. Two that are the same prove that nothing at all was done in between: no row was written, no event was
 *  told, nothing was charged or changed at Stripe. */
export async function readBooks({ sql, stripe }: Pick<Product, 'sql' | 'stripe'>): Promise<Books> {
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace`
  const books: Books = {}
  for (const { name } of tables) {
    if (leftOut.includes(name)) continue
    const rows = await sql<{ row: string }[]>`
      select (to_jsonb(t) - ${passing}::text[])::text as row from ${sql(name)} t order by 1`
    books[name] = rows.map(({ row }) => row)
  }
  const events: string[] = []
  for await (const { id, type } of stripe.sdk.events.list({ limit: 100 })) events.push(`${id} ${type}`)
  const counts = await stripe.counts()
  return {
    ...books,
    'events of Stripe': events,
    'charges at Stripe': lines(counts.charges_per_invoice),
    'attempts at Stripe': lines(counts.attempts_per_invoice),
  }
}

const lines = (counts: Record<string, number>) =>
  Object.entries(counts).map(([id, count]) => `${id} ${count}`)

/** @returns a sentence for each line that is in one of them only. */
export function differencesOfBooks(before: Books, after: Books): string[] {
  const places = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...places].flatMap((place) => {
    const earlier = new Set(before[place])
    const later = new Set(after[place])
    return [
      ...[...later].filter((line) => !earlier.has(line)).map((line) => `${place}: new is ${line}`),
      ...[...earlier].filter((line) => !later.has(line)).map((line) => `${place}: gone is ${line}`),
    ]
  })
}
