/** Works through the items, so many of them at once: more would only wait for each other.
 *  @returns the results in the order of the items. */
export async function atMost<Item, Result>(
  concurrency: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const line = items.entries()
  const workOn = async () => {
    for (const [index, item] of line) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: concurrency }, workOn))
  return results
}
