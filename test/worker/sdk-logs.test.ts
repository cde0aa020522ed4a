import { ApplicationFailure } from '@temporalio/common'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { createSdkLogger } from '../../worker/sdk-logs.ts'

describe('what the SDK says in our logs', () => {
  const lines: Record<string, unknown>[] = []
  const sdk = createSdkLogger(
    pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
  )

  it('tells why an activity failed, in the words that operators are shown', () => {
    const error = ApplicationFailure.create({
      type: 'provider_failed',
      message: 'Stripe answered with a failure.',
    })
    sdk.warn('Activity failed', { activityType: 'readOutcome', taskToken: 'CiQw', error })
    const line = lines.at(-1)
    expect(line).toMatchObject({
      level: 40,
      msg: 'Activity failed',
      activityType: 'readOutcome',
      error: {
        kind: 'ApplicationFailure',
        type: 'provider_failed',
        message: 'Stripe answered with a failure.',
      },
    })
    expect(line).not.toHaveProperty('taskToken')
  })

  it('keeps errors apart from warnings, and says nothing of what is less', () => {
    const before = lines.length
    sdk.error('Worker failed', { error: 'a string' })
    sdk.info('Worker started')
    expect(lines.slice(before)).toEqual([
      expect.objectContaining({ level: 50, msg: 'Worker failed', error: { kind: 'string' } }),
    ])
  })
})
