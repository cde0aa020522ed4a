/** Kafka: the real broker, one node without ZooKeeper, small enough for a laptop. */

import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Processes, RunningProcess } from '../processes.ts'
import { accepts } from '../ports.ts'
import { exists, keepByAnyWay, onPath, PartMissing, run, type Surroundings } from './fetch.ts'
import { findJava, mavenCopy } from './java.ts'
import { fetchArchive, vendors } from './vendor.ts'

export interface KafkaInstallation {
  java: string
  /** The directory with the broker's jar files. */
  libs: string
}

export interface RunningKafka extends RunningProcess {
  brokers: string
}

const version = '4.3.1'
const scalaVersion = '2.13'
const choices = [
  'set KAFKA_BROKERS to a cluster of your own',
  'run npm start -- --without-kafka: events then stay in the outbox',
  `install Java 17 or later, or set KAFKA_HOME to an unpacked Kafka ${version} where Java is there`,
]

export async function findKafka(surroundings: Surroundings): Promise<KafkaInstallation> {
  const { environment, say, vendors: from = vendors } = surroundings
  const java = await findJava(environment)
  if (!java) throw new PartMissing('Kafka', ['Java 17 or later in JAVA_HOME or on PATH: not there'], choices)

  const home = environment.KAFKA_HOME
  if (home) {
    if (await exists(path.join(home, 'libs'))) return { java, libs: path.join(home, 'libs') }
    throw new Error(`KAFKA_HOME names ${home}, which has no libs directory.`)
  }
  const script =
    (await onPath('kafka-server-start.sh', environment)) ?? (await onPath('kafka-server-start', environment))
  const besideScript = script && path.join(path.dirname(script), '..', 'libs')
  if (besideScript && (await exists(besideScript))) return { java, libs: besideScript }

  say('looking for Kafka')
  const kept = await keepByAnyWay(surroundings, `kafka-${version}`, [
    { words: `Kafka ${version} through Maven`, fill: (scratch) => copyThroughMaven(scratch, environment) },
    {
      words: "Kafka's own download",
      fill: (scratch) => {
        const url = `${from.kafka}/${version}/kafka_${scalaVersion}-${version}.tgz`
        return fetchArchive(url, scratch, { checksumUrl: `${url}.sha512`, stripComponents: 1 })
      },
    },
  ])
  if ('directory' in kept) return { java, libs: path.join(kept.directory, 'libs') }
  throw new PartMissing(
    'Kafka',
    ['KAFKA_BROKERS and KAFKA_HOME: not set', 'kafka-server-start on PATH: not there', ...kept.tried],
    choices,
  )
}

async function copyThroughMaven(scratch: string, environment: Surroundings['environment']): Promise<void> {
  const maven = await onPath('mvn', environment)
  if (!maven) throw new Error('there is no mvn on PATH')
  await mavenCopy(
    maven,
    environment,
    [
      { group: 'org.apache.kafka', name: `kafka_${scalaVersion}`, version },
      // Without a logging binding the broker dies without a word.
      { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' },
    ],
    scratch,
  )
}

export async function startKafka(
  { java, libs }: KafkaInstallation,
  options: { processes: Processes; port: number; controllerPort: number; say: (words: string) => void },
): Promise<RunningKafka> {
  const { processes, port, controllerPort, say } = options
  const directory = path.join(processes.stateDirectory, 'kafka')
  const logDirectory = path.join(directory, 'data')
  const propertiesFile = path.join(directory, 'server.properties')
  const classPath = path.join(libs, '*')
  await mkdir(directory, { recursive: true })
  await writeFile(propertiesFile, serverProperties(port, controllerPort, logDirectory))
  if (!(await exists(path.join(logDirectory, 'meta.properties')))) {
    say('formatting its storage')
    const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
    await run(
      java,
      [
        ['-Xmx64m', '-XX:TieredStopAtLevel=1', '-cp', classPath, 'kafka.tools.StorageTool'],
        // With a sign of equality, for one id in 64 begins with a hyphen.
        ['format', '--ignore-formatted', `--cluster-id=${clusterId}`, '-c', propertiesFile],
      ].flat(),
      { cwd: directory },
    )
  }

  say('starting')
  const running = await processes.launch({
    name: 'kafka',
    command: java,
    args: [
      ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath, 'kafka.Kafka', propertiesFile],
    ].flat(),
    workingDirectory: directory,
  })
  await processes.untilReady(running, 90_000, () => accepts(port))
  return { ...running, brokers: `127.0.0.1:${port}` }
}

/** Settings that make one broker small and quick to start; topics are created by set-up, never by accident. */
const serverProperties = (port: number, controllerPort: number, logDirectory: string): string => `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
log.dirs=${logDirectory}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=4194304
log.index.size.max.bytes=1048576
log.segment.bytes=16777216
log.retention.bytes=268435456
num.network.threads=2
num.io.threads=2
background.threads=2
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
`
