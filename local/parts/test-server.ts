/** Temporal's time-skipping test server, in which 38 days of sleep pass in under a second. */

import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isExecutable, keep, onPath, PartMissing, type Surroundings } from './fetch.ts'
import { findJava, mavenCopy } from './java.ts'

const version = '1.38.0'

/** Answers the path of an executable that takes the port as its argument. */
export async function findTestServer(surroundings: Surroundings): Promise<string> {
  const { environment } = surroundings
  const named = environment.TEMPORAL_TEST_SERVER
  if (named) {
    if (await isExecutable(named)) return named
    throw new Error(`TEMPORAL_TEST_SERVER names ${named}, which is not an executable file.`)
  }
  const installed = await onPath('temporal-test-server', environment)
  if (installed) return installed

  try {
    const java = await findJava(environment)
    if (!java) throw new Error('there is no Java 17 or later')
    const directory = await keep(surroundings, `temporal-test-server-${version}`, async (scratch) => {
      const maven = await onPath('mvn', environment)
      if (!maven) throw new Error('there is no mvn on PATH')
      const artifact = { group: 'io.temporal', name: 'temporal-test-server', version }
      const silentLogging = { group: 'org.slf4j', name: 'slf4j-nop', version: '1.7.36' }
      await mavenCopy(maven, environment, [artifact, silentLogging], scratch)
      const script = path.join(scratch, 'temporal-test-server')
      await writeFile(script, startScript)
      await chmod(script, 0o755)
    })
    return path.join(directory, 'temporal-test-server')
  } catch (error) {
    throw new PartMissing(
      'The time-skipping test server of Temporal',
      [
        'TEMPORAL_TEST_SERVER: not set',
        'temporal-test-server on PATH: not there',
        `Maven: ${(error as Error).message}`,
      ],
      ['install Java 17 or later with Maven', 'set TEMPORAL_TEST_SERVER to the path of the server'],
    )
  }
}

const startScript = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
java=java
[ -x "$JAVA_HOME/bin/java" ] && java="$JAVA_HOME/bin/java"
exec "$java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "$here/libs/*" io.temporal.testserver.TestServer "$@"
`
