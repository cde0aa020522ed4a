import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import type { Collection, Stored } from './collection.ts'

/** Rises when objects that an earlier version kept could not be worked with any more. */
const formatVersion = 3
const header = `${JSON.stringify({ format: 'local Stripe state', version: formatVersion })}\n`

type Line = [collection: string, id: string, object: Stored | null]

const chunkLength = 1024 * 1024
/** The file is written anew when what was appended outgrows this many bytes. */
const compactAfterBytes = 64 * 1024 * 1024

/** Keeps the state in a file of JSON lines, one for each object written, so that a restart finds everything again.
 *
 *  Lines are appended a moment after the change, off the way of the answer: a kill of this very process may lose the
 *  last fraction of a second, a kill of any other process loses nothing. */
export class Journal {
  readonly #file: string | undefined
  readonly #collections = new Map<string, Collection<Stored>>()
  readonly #dirty = new Map<string, Set<string>>()
  #appended = 0
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor(file: string | undefined) {
    this.#file = file
  }

  readonly changed = (collection: string, id: string): void => {
    if (!this.#file) return
    const ids = this.#dirty.get(collection)
    if (ids) ids.add(id)
    else this.#dirty.set(collection, new Set([id]))
    this.#timer ??= setTimeout(() => this.#flush(), 50).unref()
  }

  register(collection: Collection<Stored>): void {
    this.#collections.set(collection.name, collection)
  }

  /** Reads the file, if there is one, into the registered collections.
   *  @throws when another version of the local Stripe wrote it. */
  load(): void {
    if (!this.#file) return
    if (!existsSync(this.#file)) return this.#compact()
    const [firstLine, ...lines] = readFileSync(this.#file, 'utf8').split('\n')
    if (`${firstLine}\n` !== header)
      throw new Error(
        `${this.#file} was written by another version of the local Stripe. Delete it, or start with --fresh.`,
      )
    const latest = new Map<string, Map<string, Stored>>()
    for (const text of lines) {
      const line = parseLine(text)
      if (!line) continue
      const [name, id, object] = line
      const objects = latest.get(name) ?? new Map<string, Stored>()
      latest.set(name, objects)
      if (object) objects.set(id, object)
      else objects.delete(id)
    }
    for (const [name, objects] of latest)
      for (const object of objects.values()) this.#collections.get(name)?.restore(object)
    this.#compact()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#writing
    if (this.#file && this.#dirty.size > 0) appendFileSync(this.#file, this.#takeDirty())
  }

  #flush(): void {
    this.#timer = undefined
    const file = this.#file
    if (!file) return
    const lines = this.#takeDirty()
    this.#appended += lines.length
    this.#writing = this.#append(file, lines, this.#writing)
  }

  /** Appends after what is being appended already, so that lines keep their order. */
  async #append(file: string, lines: string, before: Promise<void>): Promise<void> {
    await before
    await appendFile(file, lines)
    if (this.#appended > compactAfterBytes) this.#compact()
  }

  #takeDirty(): string {
    let lines = ''
    for (const [name, ids] of this.#dirty)
      for (const id of ids) lines += lineOf(name, id, this.#collections.get(name)?.get(id) ?? null)
    this.#dirty.clear()
    return lines
  }

  /** Writes one line for each object that exists and swaps the files, so that a crash leaves either one whole. */
  #compact(): void {
    if (!this.#file) return
    const fresh = `${this.#file}.new`
    writeFileSync(fresh, header)
    let lines = ''
    for (const [name, collection] of this.#collections)
      for (const object of collection.all()) {
        lines += lineOf(name, object.id, object)
        if (lines.length < chunkLength) continue
        appendFileSync(fresh, lines)
        lines = ''
      }
    appendFileSync(fresh, lines)
    renameSync(fresh, this.#file)
    this.#appended = 0
  }
}

const lineOf = (...line: Line): string => `${JSON.stringify(line)}\n`

/** The last line may be cut short by a crash; it is then as if that change had not happened. */
function parseLine(text: string): Line | undefined {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}
