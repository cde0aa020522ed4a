import { pageOf, paging } from '../http/lists.ts'
import { required, text, timestamp } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { createClock, deleteClock, startAdvancing } from '../processes/test-clocks.ts'
import { named } from './find.ts'

export const testClockRoutes = [
  route(
    'POST',
    '/v1/test_helpers/test_clocks',
    { frozen_time: required(timestamp()), name: text(300) },
    ({ account, params }) => createClock(account, params.frozen_time, params.name),
  ),
  route('GET', '/v1/test_helpers/test_clocks', paging, ({ account, params }) =>
    pageOf(account.testClocks.all(), params, '/v1/test_helpers/test_clocks'),
  ),
  route('GET', '/v1/test_helpers/test_clocks/:clock', {}, ({ account, path }) =>
    named(account.testClocks, path('clock'), 'test_clock'),
  ),
  route('DELETE', '/v1/test_helpers/test_clocks/:clock', {}, ({ account, path }) => {
    const clock = named(account.testClocks, path('clock'), 'test_clock')
    deleteClock(account, clock)
    return { id: clock.id, object: clock.object, deleted: true }
  }),
  route(
    'POST',
    '/v1/test_helpers/test_clocks/:clock/advance',
    { frozen_time: required(timestamp()) },
    ({ account, params, path }) => {
      const clock = named(account.testClocks, path('clock'), 'test_clock')
      startAdvancing(account, clock, params.frozen_time)
      return clock
    },
  ),
]
