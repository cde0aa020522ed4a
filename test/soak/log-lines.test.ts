import { describe, expect, it } from 'vitest'
import { complaintsIn, reasonFor } from './log-lines.ts'

const entry = (level: number, msg: string, more: object = {}) => JSON.stringify({ level, msg, ...more })

describe('the complaints in a log', () => {
  it('are its warnings and errors, counted by what they say', () => {
    const log = [
      entry(30, 'request', { status: 200 }),
      entry(40, 'event put off', { eventId: 'evt_1' }),
      entry(40, 'event put off', { eventId: 'evt_2' }),
      entry(50, 'request failed', { error: { kind: 'TypeError' } }),
      '',
    ].join('\n')
    expect(complaintsIn('api', log)).toEqual([
      {
        process: 'api',
        level: 'warning',
        message: 'event put off',
        times: 2,
        example: '{"level":40,"msg":"event put off","eventId":"evt_1"}',
      },
      expect.objectContaining({ level: 'error', message: 'request failed (TypeError)', times: 1 }),
    ])
  })

  it('are told apart by status, route and code', () => {
    const request = (status: number) => entry(40, 'request', { status, route: '/payments' })
    const messages = complaintsIn('api', [request(500), request(503)].join('\n')).map(
      ({ message }) => message,
    )
    expect(messages).toEqual(['request (500 /payments)', 'request (503 /payments)'])
  })

  it('are the same whatever run of a workflow they are of', () => {
    const line = (id: string) =>
      entry(40, `[TMPRL1104] ${id} Workflow task duration exceeded 5 seconds.`, { workflowType: 'checkout' })
    const [complaint, ...others] = complaintsIn(
      'worker',
      [
        line('01a2273e-ea44-7067-8eb6-97e8d08ce73d:23:1'),
        line('01a2273e-fc64-725f-a544-aef99aa783e6:4:1'),
      ].join('\n'),
    )
    expect(complaint).toMatchObject({
      message: '[TMPRL1104] … Workflow task duration exceeded 5 seconds. (checkout)',
      times: 2,
    })
    expect(complaint && reasonFor(complaint)).toMatch(/too busy/)
    expect(others).toEqual([])
  })

  it('are also what the runtime says, which is no entry', () => {
    const [complaint] = complaintsIn('worker', '(node:7) MaxListenersExceededWarning: Possible leak\n')
    expect(complaint).toMatchObject({ level: 'error', times: 1 })
    expect(complaint?.message).toMatch(/MaxListeners/)
  })

  it('are unexplained where no reason is known', () => {
    const [complaint] = complaintsIn('api', entry(50, 'request failed'))
    expect(complaint && reasonFor(complaint)).toBeUndefined()
  })
})
