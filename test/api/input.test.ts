import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestApi, operatorKey, type Problem, shop, type TestApi } from './support/api.ts'

let api: TestApi
let key: string

beforeAll(async () => {
  api = await createTestApi()
  ;({ key } = await api.registerProject({ success_url: undefined, cancel_url: undefined }))
})
afterAll(() => api.close())

const payment = {
  user_id: 'user-1',
  plan_id: 'pro',
  success_url: 'https://shop.test/thanks',
  cancel_url: 'https://shop.test/basket',
}
const bare = { ...payment, plan_id: undefined, amount: 500, currency: 'usd', description: 'Tea' }
const withPlan = (plan: Record<string, unknown>) => ({ ...shop, plans: [{ ...shop.plans[0], ...plan }] })
const withProduct = (product: Record<string, unknown>) => ({
  ...shop,
  products: [{ ...shop.products[0], ...product }],
})
const texts = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))

/** Every value breaks a rule of the field at the path, and only of that field. */
const badPayments: [string, unknown][] = [
  ...[
    '',
    'a b',
    'ana@example.com',
    'x'.repeat(129),
    'é',
    7,
    null,
    [],
    {},
    'sbs_00000000000000000000000000',
  ].map((user_id): [string, unknown] => ['user_id', { ...payment, user_id }]),
  ['user_id', { ...payment, user_id: undefined }],
  ...['ana', 'ana@', '@b.c', 'a b@c.de', `${'x'.repeat(250)}@b.co`, 7, ''].map((email): [string, unknown] => [
    'email',
    { ...payment, email },
  ]),
  ...['', 'p/q', 'x'.repeat(129), 1, null].map((plan_id): [string, unknown] => [
    'plan_id',
    { ...payment, plan_id },
  ]),
  ...['', 'p q', false].map((product_id): [string, unknown] => [
    'product_id',
    { ...payment, plan_id: undefined, product_id },
  ]),
  ['plan_id', { ...payment, plan_id: undefined }],
  ['product_id', { ...payment, product_id: 'book' }],
  ['amount', { ...payment, amount: 5 }],
  ['description', { ...payment, description: 'Tea' }],
  ['amount', { ...bare, amount: undefined }],
  ['currency', { ...bare, currency: undefined }],
  ['description', { ...bare, description: undefined }],
  ...[0, -1, 1.5, 100_000_000, '500', null, 1e300, Number.MAX_SAFE_INTEGER + 1].map(
    (amount): [string, unknown] => ['amount', { ...bare, amount }],
  ),
  ['amount', { ...bare, currency: 'kwd', amount: 505 }],
  ['amount', { ...bare, currency: 'isk', amount: 150 }],
  ...['USD', 'xxx', 'us', '', 840, null].map((currency): [string, unknown] => [
    'currency',
    { ...bare, currency },
  ]),
  ...['', '   ', 'x'.repeat(251), 5].map((description): [string, unknown] => [
    'description',
    { ...bare, description },
  ]),
  ...['one_time', 'credits', 'monthly', '', 1].map((payment_type): [string, unknown] => [
    'payment_type',
    { ...payment, payment_type },
  ]),
  ['payment_type', { ...bare, payment_type: 'subscription' }],
  ...[0, -1, 1.5, 10_001, '2', null].map((quantity): [string, unknown] => [
    'quantity',
    { ...payment, quantity },
  ]),
  ['quantity', { ...bare, amount: 50_000_000, quantity: 2 }],
  ...[
    'http://shop.test/x',
    'ftp://shop.test/x',
    'javascript:alert(1)',
    'https://user:secret@shop.test/',
    'https://shop.test/a b',
    'https://shop.test/\n',
    '/relative',
    '',
    `https://shop.test/${'x'.repeat(2048)}`,
    'http://127.0.0.1.evil.test/',
    'http://localhost.evil.test/',
    'https://',
    7,
    null,
  ].flatMap((url): [string, unknown][] => [
    ['success_url', { ...payment, success_url: url }],
    ['cancel_url', { ...payment, cancel_url: url }],
  ]),
  ['success_url', { ...payment, success_url: undefined }],
  ['cancel_url', { ...payment, cancel_url: undefined }],
  ...['text', [], texts(51), { ['k'.repeat(41)]: 'v' }, { '': 'v' }, { quittance_x: 'v' }].map(
    (metadata): [string, unknown] => ['metadata', { ...payment, metadata }],
  ),
  ...[1, null, {}, 'x'.repeat(501)].map((value): [string, unknown] => [
    'metadata.order',
    { ...payment, metadata: { order: value } },
  ]),
  ['test_clock', { ...payment, test_clock: 'clk_1' }],
  ['payment_id', { ...payment, payment_id: 'pay_00000000000000000000000000' }],
  ['', []],
  ['', 'text'],
  ['', 5],
]

const badProjects: [string, unknown][] = [
  ...['', '  ', 'x'.repeat(251), 5, undefined].map((name): [string, unknown] => ['name', { ...shop, name }]),
  ...['USD', 'xxx', undefined, 1].map((currency): [string, unknown] => ['currency', { ...shop, currency }]),
  ['plans', { ...shop, plans: {} }],
  [
    'plans',
    { ...shop, plans: Array.from({ length: 201 }, (_, index) => ({ ...shop.plans[0], id: `p${index}` })) },
  ],
  ['plans.0', { ...shop, plans: ['pro'] }],
  ['plans.1.id', { ...shop, plans: [shop.plans[0], shop.plans[0]] }],
  ...['', 'a b', undefined].map((id): [string, unknown] => ['plans.0.id', withPlan({ id })]),
  ...['', undefined].map((name): [string, unknown] => ['plans.0.name', withPlan({ name })]),
  ...[-1, 0.5, 100_000_000, '1', undefined].map((amount): [string, unknown] => [
    'plans.0.amount',
    withPlan({ amount }),
  ]),
  ['plans.0.amount', withPlan({ amount: 15, currency: 'kwd' })],
  ['plans.0.currency', withPlan({ currency: 'BRL' })],
  ...['monthly', 'hour', undefined, 3].map((interval): [string, unknown] => [
    'plans.0.interval',
    withPlan({ interval }),
  ]),
  ...[-1, 731, 1.5, '14'].map((trial_days): [string, unknown] => [
    'plans.0.trial_days',
    withPlan({ trial_days }),
  ]),
  ['plans.0.roles', withPlan({ roles: 'pro' })],
  ['plans.0.roles', withPlan({ roles: ['pro', 'pro'] })],
  ['plans.0.roles', withPlan({ roles: Array.from({ length: 51 }, (_, index) => `r${index}`) })],
  ['plans.0.roles.0', withPlan({ roles: ['a b'] })],
  ['plans.0.limits', withPlan({ limits: [] })],
  ['plans.0.limits', withPlan({ limits: { 'a b': 1 } })],
  [
    'plans.0.limits',
    withPlan({ limits: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`l${n}`, n])) }),
  ],
  ...[null, {}, [], 'x'.repeat(201)].map((seats): [string, unknown] => [
    'plans.0.limits.seats',
    withPlan({ limits: { seats } }),
  ]),
  ['plans.0.version', withPlan({ version: 9 })],
  ['plans.0.stripe_price_id', withPlan({ stripe_price_id: 'price_1' })],
  ['products', { ...shop, products: 'book' }],
  ['products.1.id', { ...shop, products: [shop.products[0], shop.products[0]] }],
  ...[0, -5, 1.5].map((amount): [string, unknown] => ['products.0.amount', withProduct({ amount })]),
  ...[0, -1, 1.5, '5', 1_000_000_000_001].map((credits): [string, unknown] => [
    'products.0.credits',
    withProduct({ credits }),
  ]),
  ...[5, 'P3D', []].map((dunning): [string, unknown] => ['dunning', { ...shop, dunning }]),
  ['dunning.retries', { ...shop, dunning: { retries: 'P3D' } }],
  ['dunning.retries', { ...shop, dunning: { retries: ['P5D', 'P3D'] } }],
  ['dunning.retries', { ...shop, dunning: { retries: ['P0D'] } }],
  ['dunning.retries', { ...shop, dunning: { retries: ['P91D'] } }],
  ['dunning.retries', { ...shop, dunning: { retries: Array.from({ length: 11 }, (_, n) => `P${n + 1}D`) } }],
  ...['3 days', 'P1M', '', 3].map((retry): [string, unknown] => [
    'dunning.retries.0',
    { ...shop, dunning: { retries: [retry] } },
  ]),
  ['dunning.grace', { ...shop, dunning: { grace: 'P1Y' } }],
  ['dunning.grace', { ...shop, dunning: { grace: 'P91D' } }],
  ['dunning.notice_before', { ...shop, dunning: { notice_before: 'P4D' } }],
  ['dunning.on_exhausted', { ...shop, dunning: { on_exhausted: 'delete' } }],
  ['dunning.version', { ...shop, dunning: { version: 2 } }],
  ['success_url', { ...shop, success_url: 'http://shop.test' }],
  ['cancel_url', { ...shop, cancel_url: 'shop.test' }],
  ['livemode', { ...shop, livemode: true }],
  ['project_id', { ...shop, project_id: 'prj_00000000000000000000000000' }],
]

const change = { plan_id: 'pro', when: 'now' }
const badReasons = ['', '  ', 'x'.repeat(251), 5, null]
const badChanges: [string, unknown][] = [
  ...['', 'p/q', 'x'.repeat(129), 1, null, undefined].map((plan_id): [string, unknown] => [
    'plan_id',
    { ...change, plan_id },
  ]),
  ...['later', '', 0, null, undefined].map((when): [string, unknown] => ['when', { ...change, when }]),
  ...[0, -1, 1.5, 10_001, '2', null].map((quantity): [string, unknown] => [
    'quantity',
    { ...change, quantity },
  ]),
  ...badReasons.map((reason): [string, unknown] => ['reason', { ...change, reason }]),
  ['by', { ...change, by: 'somebody else' }],
  ['proration_date', { ...change, proration_date: 1 }],
  ['', []],
  ['', 'text'],
]
const badCancellations: [string, unknown][] = [
  ...['later', '', 0, null, undefined].map((at): [string, unknown] => ['at', { at }]),
  ...badReasons.map((reason): [string, unknown] => ['reason', { at: 'now', reason }]),
  ['by', { at: 'now', by: 'somebody else' }],
  ['', []],
]
const badPauses: [string, unknown][] = [
  ...['tomorrow', '2027-01-31', '2027-02-30T00:00:00Z', '', 5, null].map((until): [string, unknown] => [
    'until',
    { until },
  ]),
  ...badReasons.map((reason): [string, unknown] => ['reason', { reason }]),
  ['at', { at: 'now' }],
  ['', []],
]
const badPlainCommands: [string, unknown][] = [
  ...badReasons.map((reason): [string, unknown] => ['reason', { reason }]),
  ['by', { by: 'somebody else' }],
  ['invoice_id', { invoice_id: 'in_1' }],
  ['', 'text'],
]
const frozenTimes = [
  'now',
  '2027-01-31',
  '',
  5,
  null,
  undefined,
  '1969-12-31T00:00:00Z',
  '2999-01-01T00:00:00Z',
]
const badClocks: [string, unknown][] = [
  ...frozenTimes.map((frozen_time): [string, unknown] => ['frozen_time', { frozen_time }]),
  ...['', 'x'.repeat(251), 5].map((name): [string, unknown] => [
    'name',
    { frozen_time: '2027-01-31T00:00:00Z', name },
  ]),
  ['status', { frozen_time: '2027-01-31T00:00:00Z', status: 'ready' }],
  ['', []],
]
const badAdvances: [string, unknown][] = [
  ...frozenTimes.map((frozen_time): [string, unknown] => ['frozen_time', { frozen_time }]),
  ['name', { frozen_time: '2027-01-31T00:00:00Z', name: 'x' }],
]
const ofSubscription = (what: string) => `/api/v1/subscriptions/sbs_00000000000000000000000000/${what}`

const badOperators: [string, unknown][] = [
  ...['', 5, undefined].map((name): [string, unknown] => ['name', { name, role: 'admin' }]),
  ...['root', '', 1, undefined].map((role): [string, unknown] => ['role', { name: 'Ana', role }]),
  ['operator_id', { name: 'Ana', role: 'admin', operator_id: 'op_1' }],
]

describe.each([
  ['/api/v1/payments', badPayments],
  ['/api/v1/projects', badProjects],
  ['/api/v1/operators', badOperators],
  [ofSubscription('change-plan'), badChanges],
  [ofSubscription('preview-change'), badChanges],
  [ofSubscription('cancel'), badCancellations],
  [ofSubscription('pause'), badPauses],
  [ofSubscription('resume'), badPlainCommands],
  [ofSubscription('retry-payment'), badPlainCommands],
  ['/api/v1/test-clocks', badClocks],
  ['/api/v1/test-clocks/clk_00000000000000000000000000/advance', badAdvances],
])('bad input of POST %s', (path, cases) => {
  it.each(
    cases.map(([field, body]) => [field || 'the body', JSON.stringify(body).slice(0, 160), field, body]),
  )('names %s in %s', async (_name, _shown, field, body) => {
    const isOperators = path === '/api/v1/projects' || path === '/api/v1/operators'
    const caller = isOperators ? operatorKey : key
    const problem = await api.problem('POST', path, { key: caller, body: JSON.stringify(body) })
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' })
    // One field is wrong, so one is named, with a sentence that tells what would be right.
    expect(problem.errors?.map((error) => error.path)).toEqual([field])
    expect(problem.errors?.[0]?.message).toMatch(/^(.+ )(must|is|does) .+\.$/s)
    expect(problem.errors?.[0]?.message.startsWith(field || 'The body')).toBe(true)
  })
})

describe('bad input', () => {
  it('names every wrong field at once', async () => {
    const body = { user_id: '', plan_id: 'a b', quantity: 0, surplus: 1 }
    const { errors } = await api.problem('POST', '/api/v1/payments', { key, body })
    expect(errors?.map(({ path }) => path).toSorted()).toEqual(['plan_id', 'quantity', 'surplus', 'user_id'])
  })

  it('tells which plans and products are not sold here', async () => {
    const unknownPlan = await api.problem('POST', '/api/v1/payments', {
      key,
      body: { ...payment, plan_id: 'gold' },
    })
    expect(unknownPlan).toMatchObject({ status: 404, code: 'plan_not_found', errors: [{ path: 'plan_id' }] })
    const body = { ...payment, plan_id: undefined, product_id: 'pro' }
    const unknownProduct = await api.problem('POST', '/api/v1/payments', { key, body })
    expect(unknownProduct).toMatchObject({ code: 'product_not_found', errors: [{ path: 'product_id' }] })
  })

  it('says what was detected when the caller guessed another type', async () => {
    const { errors } = await api.problem('POST', '/api/v1/payments', {
      key,
      body: { ...payment, payment_type: 'one_time' },
    })
    expect(errors?.[0]?.message).toContain('"subscription"')
  })

  it.each([
    ['{"user_id": "u"', 400, 'malformed_body'],
    ['not json', 400, 'malformed_body'],
    ['\u{feff}{}', 400, 'malformed_body'],
    ['{}', 400, 'invalid_request'],
    ['', 400, 'invalid_request'],
    ['null', 400, 'invalid_request'],
    ['{"user_id": 1e999}', 400, 'invalid_request'],
    ['['.repeat(100_000), 400, 'malformed_body'],
    [`{"metadata": ${'{"a":'.repeat(20)}1${'}'.repeat(20)}}`, 400, 'malformed_body'],
    ['{"user_id": "a\\u0000b"}', 400, 'invalid_request'],
    ['{"metadata": {"a\\u0000": "b"}}', 400, 'invalid_request'],
    ['{"user_id": "\\ud800"}', 400, 'invalid_request'],
    ['{"__proto__": {"plan_id": "pro"}}', 400, 'invalid_request'],
    ['{"metadata": {"__proto__": "x"}}', 400, 'invalid_request'],
    ['{"constructor": {"prototype": {}}}', 400, 'invalid_request'],
  ])('that is no usable JSON (%j) is %i %s', async (body, status, code) => {
    expect(await api.refusal('POST', '/api/v1/payments', { key, body })).toBe(`${status} ${code}`)
  })

  it('that is not UTF-8, or not JSON by its type, is refused', async () => {
    const send = async (
      body: string | Uint8Array<ArrayBuffer> | URLSearchParams,
      type: string | undefined,
    ) => {
      const headers = new Headers({ authorization: `Bearer ${key}` })
      if (type) headers.set('content-type', type)
      const answer = await api.fetch(
        new Request('http://api.test/api/v1/payments', { method: 'POST', headers, body }),
      )
      return `${answer.status} ${((await answer.json()) as Problem).code}`
    }
    const json = new TextEncoder().encode(JSON.stringify(payment))
    expect(await send(Uint8Array.from([0x7b, 0xff, 0x7d]), 'application/json')).toBe('400 malformed_body')
    expect(await send(json, 'text/plain')).toBe('415 unsupported_media_type')
    expect(await send(json, undefined)).toBe('415 unsupported_media_type')
    expect(await send(new URLSearchParams({ user_id: 'u' }), undefined)).toBe('415 unsupported_media_type')
  })
})

/** Whatever is put in the place of one field of a good request. */
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.double(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(Number),
  fc.boolean(),
  fc.constant(null),
  fc.webUrl(),
  fc.emailAddress(),
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(
    "'; drop table payments; --",
    '\u{202e}',
    '￿',
    '%00',
    '../..',
    '${7*7}',
    'NaN',
    '-0',
    '1e5',
  ),
)

/** What fuzz has found is repeated with the seed that it prints. */
const runs = { numRuns: 30 }

describe('whatever a field holds', () => {
  it.each([
    ...Object.keys({ ...bare, ...payment }),
    'email',
    'payment_type',
    'quantity',
    'product_id',
    'metadata',
  ])('a payment with any %s is accepted or refused, and never fails', async (field) => {
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const good = ['amount', 'currency', 'description'].includes(field) ? bare : payment
        const { status } = await api.call('POST', '/api/v1/payments', {
          key,
          body: { ...good, [field]: value },
        })
        expect([201, 400, 404]).toContain(status)
      }),
      runs,
    )
  })

  it.each(['name', 'currency', 'plans', 'products', 'dunning', 'success_url', 'cancel_url'])(
    'a project with any %s is accepted or refused, and never fails',
    async (field) => {
      await fc.assert(
        fc.asyncProperty(anything, async (value) => {
          const body = { ...shop, [field]: value }
          const { status } = await api.call('POST', '/api/v1/projects', { key: operatorKey, body })
          expect([201, 400]).toContain(status)
        }),
        runs,
      )
    },
  )

  it.each(['id', 'name', 'amount', 'currency', 'interval', 'trial_days', 'roles', 'limits'])(
    'a plan with any %s is accepted or refused, and never fails',
    async (field) => {
      await fc.assert(
        fc.asyncProperty(anything, async (value) => {
          const body = withPlan({ [field]: value })
          const { status } = await api.call('POST', '/api/v1/projects', { key: operatorKey, body })
          expect([201, 400]).toContain(status)
        }),
        runs,
      )
    },
  )

  it.each<[string, Record<string, unknown>]>([
    [ofSubscription('change-plan'), { ...change, quantity: 2, reason: 'Because.' }],
    [ofSubscription('preview-change'), { ...change, quantity: 2 }],
    [ofSubscription('cancel'), { at: 'now', reason: 'Because.' }],
    [ofSubscription('pause'), { until: '2027-01-31T00:00:00Z', reason: 'Because.' }],
    [ofSubscription('resume'), { reason: 'Because.' }],
    ['/api/v1/test-clocks', { frozen_time: '2027-01-31T00:00:00Z', name: 'January' }],
    ['/api/v1/test-clocks/clk_00000000000000000000000000/advance', { frozen_time: '2027-01-31T00:00:00Z' }],
  ])('%s with anything in any field is accepted or refused, and never fails', async (path, good) => {
    for (const field of Object.keys(good))
      await fc.assert(
        fc.asyncProperty(anything, async (value) => {
          const { status } = await api.call('POST', path, { key, body: { ...good, [field]: value } })
          expect([201, 400, 404]).toContain(status)
        }),
        runs,
      )
  })

  it('a path, a query or a header of any kind never fails', async () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 100 })
      .filter((s) => !/\p{Surrogate}/u.test(s))
    await fc.assert(
      fc.asyncProperty(text, text, async (path, query) => {
        const inPath = encodeURIComponent(path)
        const inQuery = encodeURIComponent(query)
        for (const address of [
          `/api/v1/payments/${inPath}/status`,
          `/api/v1/subscriptions/${inPath}`,
          `/api/v1/subscriptions/${inPath}/timeline`,
          `/api/v1/test-clocks/${inPath}`,
          `/api/v1/projects/${inPath}`,
          `/api/v1/payments?cursor=${inQuery}`,
          `/api/v1/payments?limit=${inQuery}&user_id=${inQuery}`,
        ]) {
          const { status } = await api.call('GET', address, { key })
          expect([200, 400, 404]).toContain(status)
        }
      }),
      runs,
    )
  })

  it('a good request stays as it was sent, to the letter', async () => {
    const words = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((s) => !s.includes('\0'))
    const names = fc
      .stringMatching(/^[A-Za-z0-9._:-]{1,40}$/)
      .filter((s) => !s.startsWith('quittance_') && s !== '__proto__')
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(names, words, { maxKeys: 10, noNullPrototype: true }),
        async (metadata) => {
          const made = await api.call('POST', '/api/v1/payments', { key, body: { ...payment, metadata } })
          expect(made.status).toBe(201)
          const path = `/api/v1/payments/${String(made.body.payment_id)}/status`
          expect((await api.call('GET', path, { key })).body.metadata).toEqual(metadata)
        },
      ),
      runs,
    )
  })
})
