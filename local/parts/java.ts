/** Java programs: the virtual machine, and libraries through Maven. */

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isExecutable, onPath, run, versionOf, type Surroundings } from './fetch.ts'

export interface Artifact {
  group: string
  name: string
  version: string
}

/** Answers a Java of version 17 or later, or undefined. `JAVA_HOME` goes before PATH. */
export async function findJava(environment: Surroundings['environment']): Promise<string | undefined> {
  const atHome = environment.JAVA_HOME && path.join(environment.JAVA_HOME, 'bin', 'java')
  const java = atHome && (await isExecutable(atHome)) ? atHome : await onPath('java', environment)
  if (!java) return undefined
  // macOS has a `java` that only says where to get one, so it has to be run to know.
  const major = /version "(\d+)/.exec((await versionOf(java, ['-version'])) ?? '')?.[1]
  return Number(major) >= 17 ? java : undefined
}

let lastTurn: Promise<unknown> = Promise.resolve()

/** Copies the artifacts and all they need to run into a directory.
 *  One Maven at a time, because it does not lock the repository it keeps. */
export async function mavenCopy(
  maven: string,
  environment: Surroundings['environment'],
  artifacts: Artifact[],
  directory: string,
): Promise<void> {
  const turnBefore = lastTurn
  const turn = (async () => {
    await turnBefore
    await copyNow(maven, environment, artifacts, directory)
  })()
  lastTurn = turn.catch(() => undefined)
  await turn
}

async function copyNow(
  maven: string,
  environment: Surroundings['environment'],
  artifacts: Artifact[],
  directory: string,
): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(path.join(directory, 'pom.xml'), pom(artifacts))
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
  await run(maven, ['-B', '-q', goal, '-DoutputDirectory=libs', '-DincludeScope=runtime'], {
    cwd: directory,
    env: environment,
  })
}

const pom = (artifacts: Artifact[]): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>local-part</artifactId>
  <version>1</version>
  <dependencies>
${artifacts
  .map(
    ({ group, name, version }) =>
      `    <dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`,
  )
  .join('\n')}
  </dependencies>
</project>
`
