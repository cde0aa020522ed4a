/** Text that is already safe to stand in a page. */
export interface Html {
  html: string
}

type Part = Html | string | number | null | undefined | false | Html[]

/** Builds a piece of a page; whatever is filled in and is not `Html` itself is escaped. */
export const html = (texts: TemplateStringsArray, ...parts: Part[]): Html => ({
  html: texts.map((text, index) => text + shown(parts[index])).join(''),
})

function shown(part: Part): string {
  if (part === null || part === undefined || part === false) return ''
  if (Array.isArray(part)) return part.map((one) => one.html).join('')
  return typeof part === 'object' ? part.html : escape(String(part))
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter)

/** Trusted text of our own, such as a style sheet. */
export const raw = (text: string): Html => ({ html: text })
