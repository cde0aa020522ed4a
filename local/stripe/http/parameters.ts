import { badParameter, missingParameter, notSupportedHere, unknownParameters } from './errors.ts'
import type { Raw, RawHash } from './form.ts'

/** Reads one parameter. `path` is its name as the caller wrote it, such as `items[0][price]`. */
export interface Field<T> {
  read(raw: Raw, path: string): T
  required?: true
  /** The API version that no longer has the parameter; clients of older ones still send it. */
  goneSince?: string
}

interface RequiredField<T> extends Field<T> {
  required: true
}

// oxlint-disable-next-line typescript/no-explicit-any -- a shape holds fields of every type
export type Shape = Record<string, Field<any>>

export type Parsed<S extends Shape> = {
  [K in keyof S]: S[K] extends RequiredField<infer T>
    ? T
    : S[K] extends Field<infer T>
      ? T | undefined
      : never
}

/** Checks and converts what was sent, with Stripe's words for what is wrong. */
export function parseParameters<S extends Shape>(
  shape: S,
  raw: RawHash,
  parent = '',
  version = '',
): Parsed<S> {
  const isKnown = (name: string): boolean => {
    const goneSince = Object.hasOwn(shape, name) ? shape[name]?.goneSince : ''
    return goneSince === undefined || (goneSince !== '' && version < goneSince)
  }
  const pathOf = (name: string): string => (parent === '' ? name : `${parent}[${name}]`)
  const unknown = Object.keys(raw).filter((name) => !isKnown(name))
  if (unknown.length > 0) throw unknownParameters(unknown.map(pathOf))
  const parsed: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(shape)) {
    const value = raw[name]
    if (value !== undefined) parsed[name] = field.read(value, pathOf(name))
    else if (field.required) throw missingParameter(pathOf(name))
  }
  return parsed as Parsed<S>
}

export const required = <T>(field: Field<T>): RequiredField<T> => ({ ...field, required: true })

/** An empty text unsets the value, which then reads as null. */
export const clearable = <T>(field: Field<T>): Field<T | null> => ({
  read: (raw, path) => (raw === '' ? null : field.read(raw, path)),
})

/** A parameter that Stripe has and this stand-in does not serve. */
export const unsupported = (): Field<never> => ({
  read: (_raw, path) => {
    throw notSupportedHere(`the parameter ${path}`, path)
  },
})

/** A parameter that changes nothing here, such as what concerns payment methods other than cards. */
export const ignored = (): Field<undefined> => ({ read: () => undefined })

export const goneSince = <T>(version: string, field: Field<T>): Field<T> => ({ ...field, goneSince: version })

function plainText(raw: Raw, path: string): string {
  if (typeof raw !== 'string') throw badParameter(`Invalid string: ${JSON.stringify(raw)}`, { param: path })
  if (raw === '')
    throw badParameter(
      `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a parameter; ` +
        `however '${path}' cannot be unset. You should remove '${path}' from your request or supply a non-empty value.`,
      { code: 'parameter_invalid_empty', param: path },
    )
  return raw
}

export const text = (maxLength = 5000): Field<string> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    if (value.length > maxLength)
      throw badParameter(
        `Invalid string: ${value.slice(0, 8)}...${value.slice(-8)}; must be at most ${maxLength} characters`,
        {
          code: 'parameter_invalid_string_too_long',
          param: path,
        },
      )
    return value
  },
})

export const oneOf = <T extends string>(...values: readonly T[]): Field<T> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    const found = values.find((one) => one === value)
    if (found === undefined)
      throw badParameter(`Invalid ${path}: must be one of ${sentence(values)}`, { param: path })
    return found
  },
})

const sentence = (values: readonly string[]): string =>
  values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')}, or ${values.at(-1) ?? ''}`

export const boolean = (): Field<boolean> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    if (value !== 'true' && value !== 'false')
      throw badParameter(`Invalid boolean: ${value}`, { param: path })
    return value === 'true'
  },
})

/** A whole number. */
export const integer = (min = Number.MIN_SAFE_INTEGER, max = 99_999_999_999): Field<number> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    const number = Number(value)
    if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number))
      throw badParameter(`Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param: path })
    if (number < min)
      throw badParameter(`This value must be greater than or equal to ${min}.`, {
        code: 'parameter_invalid_integer',
        param: path,
      })
    if (number > max)
      throw badParameter(`This value must be less than or equal to ${max}.`, {
        code: 'parameter_invalid_integer',
        param: path,
      })
    return number
  },
})

export const decimal = (): Field<string> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    if (!/^-?\d+(\.\d{1,12})?$/.test(value)) throw badParameter(`Invalid decimal: ${value}`, { param: path })
    return value
  },
})

export const number = (): Field<number> => ({
  read: (raw, path) => Number(decimal().read(raw, path)),
})

/** Seconds since 1970. */
export const timestamp = (): Field<number> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    if (!/^\d+$/.test(value))
      throw badParameter(`Invalid timestamp: must be an integer Unix timestamp`, { param: path })
    return Number(value)
  },
})

/** Currencies are known to the runtime; Stripe writes them in lower case. */
const currencies = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()))

export const currency = (): Field<string> => ({
  read: (raw, path) => {
    const value = plainText(raw, path).toLowerCase()
    if (!currencies.has(value))
      throw badParameter(
        `Invalid currency: ${value}. Stripe currently supports these currencies: usd, eur, brl, and others.`,
        {
          param: path,
        },
      )
    return value
  },
})

export const email = (): Field<string> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    if (value.length > 512 || !/^[^\s@]+@[^\s@]+$/.test(value))
      throw badParameter(`Invalid email address: ${value}`, { code: 'email_invalid', param: path })
    return value
  },
})

export const url = (): Field<string> => ({
  read: (raw, path) => {
    const value = plainText(raw, path)
    if (!URL.canParse(value) || !/^https?:/.test(value))
      throw badParameter('Not a valid URL', { code: 'url_invalid', param: path })
    return value
  },
})

export const hash = <S extends Shape>(shape: S): Field<Parsed<S>> => ({
  read: (raw, path) => {
    if (typeof raw === 'string') throw badParameter('Invalid object', { param: path })
    return parseParameters(shape, raw, path)
  },
})

export const list = <T>(element: Field<T>, max = 500): Field<T[]> => ({
  read: (raw, path) => {
    if (typeof raw === 'string') throw badParameter('Invalid array', { param: path })
    const entries = Object.entries(raw)
    if (entries.some(([index]) => !/^\d+$/.test(index))) throw badParameter('Invalid array', { param: path })
    if (entries.length > max)
      throw badParameter(`Array ${path} exceeded maximum ${max} allowed elements.`, { param: path })
    return entries
      .toSorted(([a], [b]) => Number(a) - Number(b))
      .map(([index, value]) => element.read(value, `${path}[${index}]`))
  },
})

/** The first field that can read it: `now` or a timestamp, a number or a range. */
export const either = <A, B>(
  first: Field<A>,
  isFirst: (raw: Raw) => boolean,
  second: Field<B>,
): Field<A | B> => ({
  read: (raw, path) => (isFirst(raw) ? first.read(raw, path) : second.read(raw, path)),
})

export const nowOrTimestamp = (): Field<'now' | number> =>
  either(oneOf('now'), (raw) => raw === 'now', timestamp())

/** What to change in an object's metadata: a null removes its key, and null for all of it removes everything. */
export type MetadataChange = Record<string, string | null> | null

export const metadata = (): Field<MetadataChange> => ({
  read: (raw, path) => {
    if (raw === '') return null
    if (typeof raw === 'string') throw badParameter('Invalid object', { param: path })
    const change: Record<string, string | null> = {}
    for (const [key, value] of Object.entries(raw)) {
      if (key.length > 40)
        throw badParameter(
          `Metadata keys can have up to 40 characters, but you passed in a key that is ${key.length} characters. Invalid key: ${key}`,
          { param: path },
        )
      if (typeof value !== 'string') throw badParameter('Invalid string', { param: `${path}[${key}]` })
      if (value.length > 500)
        throw badParameter(
          `Metadata values can have up to 500 characters, but you passed in a value that is ${value.length} characters. Invalid value: ${value}`,
          { param: path },
        )
      change[key] = value === '' ? null : value
    }
    return change
  },
})

/** A filter on a time: an exact second or a range. */
export const range = (): Field<TimeRange> => ({
  read: (raw, path) => {
    if (typeof raw === 'string') {
      const exact = timestamp().read(raw, path)
      return { gte: exact, lte: exact }
    }
    return parseParameters(
      { gt: timestamp(), gte: timestamp(), lt: timestamp(), lte: timestamp() },
      raw,
      path,
    )
  },
})

export interface TimeRange {
  gt?: number | undefined
  gte?: number | undefined
  lt?: number | undefined
  lte?: number | undefined
}

export const address = (): Field<Parsed<typeof addressShape>> => hash(addressShape)

const addressShape = {
  city: clearable(text()),
  country: clearable(text()),
  line1: clearable(text()),
  line2: clearable(text()),
  postal_code: clearable(text()),
  state: clearable(text()),
}
