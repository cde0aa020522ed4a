/** `npm run demo` as whoever tries Quittance sees it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { createScreen } from '../../cli/demo/screen.ts'
import { freePorts } from '../../local/ports.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { part } from '../support/stack.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
const year = new Date().getUTCFullYear() + 1
let product: Product
let operatorKey: string
const running: ChildProcess[] = []

beforeAll(async () => {
  product = await joinProduct()
  const operator = { name: 'Demo', role: 'admin' }
  const { body } = await product.operator.call('POST', '/api/v1/operators', { body: operator })
  operatorKey = String(body.api_key)
})
afterEach(() => {
  for (const demo of running.splice(0)) demo.kill('SIGKILL')
})
afterAll(() => product.end())

/** A state directory as `npm start` leaves it, with what is given in place of the truth. */
async function stateDirectory(changes: object = {}): Promise<string> {
  const directory = await mkdtemp(path.join(inject('runDirectory'), 'demo-'))
  const stack = {
    api_url: product.apiUrl,
    operator_key: operatorKey,
    temporal_namespace: product.servers.temporal.namespace,
    temporal_ui_url: part('temporal').uiUrl,
    kafka_brokers: product.servers.kafka.brokers,
    stripe_api_base: product.stripe.apiBase,
    mailbox_url: null,
    ...changes,
  }
  await writeFile(path.join(directory, 'stack.json'), JSON.stringify(stack))
  return directory
}

function demo(directory: string, ...args: string[]) {
  const child = spawn('npm', ['run', '--silent', 'demo', '--', ...args], {
    cwd: root,
    env: { ...process.env, QUITTANCE_STATE: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const exitCode = new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  return { child, output: () => output, exitCode }
}

/** Where each of these is first said, in order: a line that is missing or early shows at once. */
const inOrder = (text: string, lines: string[]): string[] =>
  lines.toSorted((one, other) => text.indexOf(one) - text.indexOf(other)).filter((one) => text.includes(one))

describe('npm run demo', () => {
  it('plays its story, and prints what happens, why, the events and where to look', async () => {
    const { output, exitCode } = demo(await stateDirectory())
    expect({ code: await exitCode, output: output() }).toMatchObject({ code: 0 })
    const story = [
      'A checkout, and three renewals',
      `Ada has access (roles: pro), renewed three times, paid until 10 Aug ${year}.`,
      'A renewal that fails, and recovers',
      `Bruno is past_due and still has access (roles: pro) until 17 May ${year}. Next try: 13 May ${year}.`,
      'Bruno has access (roles: pro). There is no third retry, and no second charge.',
      'A renewal that nobody pays',
      'Two retries have failed, and Clara still has access (roles: pro)',
      'Clara is canceled: she has no access any more',
      'An upgrade now, a downgrade at the period’s end',
      'The preview says R$200.00: half of the difference.',
      'Diego has access (roles: enterprise, pro), with the same period as before.',
      'The new period is one of Pro: Diego has access (roles: pro).',
      'A pause with an end',
      `Elena has access (roles: pro), paid until 25 Jun ${year}.`,
      'Money that goes back',
      'Fred has no access any more, and has all of his money back.',
      'Played in ',
    ]
    expect(inOrder(output(), story)).toEqual(story)
    for (const event of [
      /kafka .* payment\.succeeded +R\$99\.00 for pro/,
      /kafka .* subscription\.renewed +R\$99\.00, pro is active, with access/,
      /kafka .* dunning\.retry_scheduled +retry 1 of 3 on 13 May/,
      /kafka .* subscription\.recovered +pro is active, with access/,
      /kafka .* subscription\.canceled +pro is canceled, no access/,
      /kafka .* entitlement\.role_revoked +pro; holds now: no role/,
      /kafka .* subscription\.paused +pro is paused, no access/,
      /kafka .* refund\.succeeded +R\$49\.50 succeeded/,
    ])
      expect(output()).toMatch(event)
    expect(output()).toMatch(/dunning\.retry_failed +The scheduled retry was declined: insufficient funds/)
    expect(output()).toMatch(/subscription\.plan_changed .*\(R\$200\.00\)/)
    expect(output()).toMatch(/→ Dunning case +http.*\/workflows\/dunning%2Fin_/)
    expect(output()).toMatch(/→ Timeline +http.*\/timeline/)
    expect(output(), 'no colours outside a terminal').not.toContain('\u001B')
  })

  it('does without Kafka, with a project of its own each time, and ends at once on Ctrl-C', async () => {
    const { child, output, exitCode } = demo(await stateDirectory({ kafka_brokers: 'none' }))
    await vi.waitFor(() => expect(output()).toContain('Three months pass'), { timeout: 60_000 })
    const since = Date.now()
    child.kill('SIGINT')
    await exitCode
    expect(Date.now() - since).toBeLessThan(3_000)
    expect(output()).toMatch(/Kafka is left out of this stack/)
    expect(output()).toMatch(/Ended\. What was begun stays/)
  })

  it('says what to do where nothing was started, or nothing runs any more', async () => {
    const nowhere = demo(await mkdtemp(path.join(inject('runDirectory'), 'demo-')))
    expect(await nowhere.exitCode).toBe(1)
    expect(nowhere.output()).toMatch(/Nothing has been started here.*\nStart Quittance with "npm start"/)

    const [port] = await freePorts(1)
    const stopped = demo(await stateDirectory({ api_url: `http://127.0.0.1:${port}` }))
    expect(await stopped.exitCode).toBe(1)
    expect(stopped.output()).toMatch(/Nothing answers at http.*\nStart Quittance with "npm start"/)
  })

  it('says why it cannot be played with Stripe itself, and how to play the story there', async () => {
    // A server without the doors that only a stand-in has.
    const { output, exitCode } = demo(await stateDirectory({ stripe_api_base: product.apiUrl }))
    expect(await exitCode).toBe(1)
    expect(output()).toMatch(/Only the local Stripe lets a program do that/)
    expect(output()).toContain('pm_card_chargeCustomerFail')
  })

  it('ends with a sentence when something is wrong', async () => {
    const refused = demo(await stateDirectory({ operator_key: 'qk_operator_of_nobody' }))
    expect(await refused.exitCode).toBe(1)
    expect(refused.output()).toMatch(/^POST \/api\/v1\/projects was refused with 401: .+$/m)
    const misspelled = demo(await stateDirectory(), '--fats')
    expect(await misspelled.exitCode).toBe(1)
    expect(misspelled.output()).toMatch(/There is no option --fats/)
  })
})

describe('what it prints', () => {
  const shown = async (options: { noColour?: boolean }) => {
    let written = ''
    const terminal = { isTTY: true, columns: 80, write: (text: string) => void (written += text) }
    const screen = createScreen(terminal, { fast: true, ...options })
    screen.result('done')
    const work = new Promise<void>((resolve) => {
      setTimeout(resolve, 250)
    })
    await screen.during('working', work)
    return written
  }

  it('is coloured in a terminal, and shows what is under way', async () => {
    const written = await shown({})
    expect(written).toContain('\u001B[32m✓\u001B[0m done\n')
    expect(stripVTControlCharacters(written)).toContain('working … 0.1 s')
  })

  it('has no colours for those who want none', async () => {
    const written = await shown({ noColour: true })
    // What clears the line that tells what is under way is no colour.
    expect(written.replaceAll('\u001B[K', '')).not.toContain('\u001B')
    expect(written).toContain('working … 0.1 s')
  })
})
