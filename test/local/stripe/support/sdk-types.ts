import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { neverSent } from './api-overlay.ts'
import { isObject, typeOf, type Json, type JsonObject } from './json.ts'

/**
 * The SDK's declarations say of each field whether Stripe always sends it (`status: …`) or only sometimes (`url?: …`),
 * which the published description does not for a field that can be null. Read as text, since declarations leave no
 * trace at run time.
 */
interface Field {
  optional: boolean
  type: string
}

/** Interfaces by qualified name, such as `Invoice.StatusTransitions`. */
type Interfaces = Map<string, Map<string, Field>>

const declarations = fileURLToPath(new URL('../../../../node_modules/stripe/esm/resources/', import.meta.url))

/** What an object named by its `object` field lacks of what the SDK says is always there. */
export type MissingFields = (value: Json, path?: string) => string[]

export function sdkTypes(): MissingFields {
  const known = new Map<string, { name: string; interfaces: Interfaces }>()
  for (const file of readdirSync(declarations, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue
    const interfaces = interfacesOf(readFileSync(declarations + file, 'utf8'))
    for (const [name, fields] of interfaces) {
      const type = /^'(?<type>[a-z_.]+)'$/.exec(fields.get('object')?.type ?? '')?.groups?.['type']
      if (type !== undefined && !name.startsWith('Deleted')) known.set(type, { name, interfaces })
    }
  }

  const ofObject: MissingFields = (value, path = '$') => {
    if (Array.isArray(value)) return value.flatMap((element, index) => ofObject(element, `${path}[${index}]`))
    if (!isObject(value)) return []
    const type = known.get(typeOf(value))
    if (type && value['deleted'] !== true) return ofInterface(value, path, type.name, type.interfaces)
    return Object.entries(value).flatMap(([name, field]) => ofObject(field, `${path}.${name}`))
  }

  const ofInterface = (value: JsonObject, path: string, name: string, interfaces: Interfaces): string[] =>
    [...(interfaces.get(name) ?? [])].flatMap(([field, { optional, type }]) => {
      const found = value[field]
      const place = `${path}.${field}`
      if (found === undefined)
        return optional || neverSent.has(`${name}.${field}`)
          ? []
          : [`${place}: missing, the SDK declares it always there: ${type}`]
      const nested = nestedName(type, name, interfaces)
      const elements = Array.isArray(found) ? found : [found]
      const plain = elements.every((element) => isObject(element) && typeof element['object'] !== 'string')
      if (nested === undefined || !plain) return ofObject(found, place)
      return elements.flatMap((element, index) =>
        isObject(element)
          ? ofInterface(element, Array.isArray(found) ? `${place}[${index}]` : place, nested, interfaces)
          : [],
      )
    })

  return ofObject
}

/** `Array<Invoice.TotalTax> | null` within `Invoice` means the interface `Invoice.TotalTax`, looked up outwards. */
function nestedName(type: string, within: string, interfaces: Interfaces): string | undefined {
  const wanted = /\b[A-Z]\w*\.[A-Z]\w*\b/.exec(type)?.[0]
  if (wanted === undefined) return undefined
  const scopes = within.split('.')
  for (let depth = scopes.length; depth >= 0; depth--) {
    const candidate = [...scopes.slice(0, depth), wanted].join('.')
    if (interfaces.has(candidate)) return candidate
  }
  return undefined
}

function interfacesOf(source: string): Interfaces {
  const interfaces: Interfaces = new Map()
  const scopes: string[] = []
  for (const line of source
    .replaceAll(/\/\*[^]*?\*\//g, '')
    .split('\n')
    .map((line) => line.trim())) {
    const opened =
      /^(?:export )?(?:declare )?(?<kind>interface|namespace) (?<name>\w+).*\{(?<closed>\})?$/.exec(
        line,
      )?.groups
    const field = /^(?<name>\w+)(?<optional>\?)?: (?<type>.*);$/.exec(line)?.groups
    if (opened) {
      const name = [...scopes, opened['name']].join('.')
      if (opened['kind'] === 'interface') interfaces.set(name, new Map())
      if (opened['closed'] === undefined) scopes.push(opened['name'] ?? '')
    } else if (line.endsWith('{')) scopes.push('')
    else if (line.startsWith('}')) scopes.pop()
    else if (field) {
      const { name = '', optional, type = '' } = field
      interfaces.get(scopes.join('.'))?.set(name, { optional: optional !== undefined, type })
    }
  }
  return interfaces
}
