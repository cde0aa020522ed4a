/** Looks for fewer things that still fail, by leaving out ever smaller parts (ddmin). What depends on the moment does not fail
 *  each time, so what is left is small, and need not be the smallest.
 *  @param fails whether these fail as well; it is asked at most `attempts` times. */
export async function shrink<Item>(
  items: readonly Item[],
  fails: (fewer: Item[]) => Promise<boolean>,
  attempts: number,
): Promise<Item[]> {
  let kept = [...items]
  let left = attempts
  for (let parts = 2; kept.length > 1 && parts <= kept.length && left > 0;) {
    const size = Math.ceil(kept.length / parts)
    let hasShrunk = false
    for (let from = 0; from < kept.length && left > 0; from += size) {
      const fewer = kept.filter((_, index) => index < from || index >= from + size)
      left -= 1
      if (fewer.length === 0 || !(await fails(fewer))) continue
      kept = fewer
      hasShrunk = true
      break
    }
    if (hasShrunk) parts = Math.max(parts - 1, 2)
    else if (size === 1) break
    else parts = Math.min(parts * 2, kept.length)
  }
  return kept
}
