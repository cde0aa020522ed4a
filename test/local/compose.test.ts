import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig, loadSetupConfig } from '../../config.ts'
import { searchAttributeNames } from '../../setup/search-attribute-names.ts'

interface Service {
  image: string
  build?: { context: string; target: string }
  command?: string[]
  environment?: Record<string, string>
  volumes?: string[]
  ports?: string[]
  healthcheck?: object
  depends_on?: Record<string, { condition: string }>
}

const root = path.resolve(import.meta.dirname, '..', '..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<'postgres' | 'temporal' | 'kafka' | 'stripe' | 'setup' | 'api' | 'worker', Service>
  volumes: Record<string, null>
}
const services = Object.entries(compose.services)
const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0

describe('docker compose up', () => {
  it.runIf(hasCompose)('is understood by docker compose', () => {
    expect(execFileSync('docker', ['compose', 'config', '--quiet'], { cwd: root, encoding: 'utf8' })).toBe('')
  })

  it('pins the version of every published image, that of Kafka to the one that npm start runs', () => {
    for (const { image } of services.map(([, service]) => service).filter(({ build }) => !build))
      expect(image).toMatch(/^[\w/-]+:\d[\w.]*$/)
    expect(read('local/parts/kafka.ts')).toContain(`'${compose.services.kafka.image.split(':')[1]}'`)
    expect(read('local/parts/temporal.ts')).toContain(`'${compose.services.temporal.image.split(':')[1]}'`)
  })

  it('checks the health of whatever keeps running, and starts nothing before what it needs is healthy', () => {
    for (const [name, { healthcheck, depends_on: needs = {} }] of services) {
      expect([name, healthcheck === undefined]).toEqual([name, name === 'setup'])
      for (const [needed, { condition }] of Object.entries(needs))
        expect(condition).toBe(needed === 'setup' ? 'service_completed_successfully' : 'service_healthy')
    }
    expect(Object.keys(compose.services.setup.depends_on ?? {}).toSorted()).toEqual([
      'kafka',
      'postgres',
      'stripe',
      'temporal',
    ])
  })

  it('opens ports on loopback only', () => {
    for (const [, { ports = [] }] of services)
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  it('gives ours a whole configuration, and the owner of the database to set-up alone', () => {
    const { setup, api, worker } = compose.services
    for (const { environment = {} } of [api, worker]) {
      // In production nothing has a default, so whatever is left out is named.
      const elsewhere = {
        STRIPE_WEBHOOK_SECRET: 'whsec_x',
        QUITTANCE_OPERATOR_KEY: 'qk_operator_that_is_long_enough',
      }
      const config = loadConfig({ ...environment, ...elsewhere, NODE_ENV: 'production' })
      expect(config.temporal.address).toBe('temporal:7233')
      expect(environment.DATABASE_OWNER_URL).toBeUndefined()
    }
    expect(loadSetupConfig(setup.environment).databaseOwnerUrl).toContain('quittance_owner')
  })

  it('registers the search attributes that the workflows use', () => {
    const registered = (compose.services.temporal.command ?? []).flatMap(
      (argument) => /^--search-attribute=(\w+)=Keyword$/.exec(argument)?.[1] ?? [],
    )
    expect(registered.toSorted()).toEqual(searchAttributeNames.toSorted())
  })

  it('mounts only files that are there and volumes that are declared', () => {
    for (const [, { volumes = [] }] of services)
      for (const volume of volumes) {
        const [source = ''] = volume.split(':')
        expect([
          source,
          source.startsWith('.') ? existsSync(path.join(root, source)) : source in compose.volumes,
        ]).toEqual([source, true])
      }
  })
})

describe('the Dockerfile', () => {
  const dockerfile = read('Dockerfile')
  const ignored = read('.dockerignore')

  it('has the targets that compose builds, none of them run by root', () => {
    const stages = dockerfile.split(/^FROM /m).slice(1)
    for (const [, { build }] of services) {
      if (!build) continue
      const stage = stages.find((text) => new RegExp(`^\\S+ AS ${build.target}\\n`).test(text))
      expect(stage).toMatch(/^USER node$/m)
    }
  })

  it('copies files that are there and that .dockerignore lets through', () => {
    for (const [, sources = ''] of dockerfile.matchAll(/^COPY (.*) \S+$/gm))
      for (const source of sources.split(' ')) {
        expect([source, existsSync(path.join(root, source))]).toEqual([source, true])
        expect(ignored).toContain(`!${source}\n`)
      }
  })

  it('copies every room of the product', () => {
    for (const room of [
      'domain',
      'workflows',
      'activities',
      'providers',
      'db',
      'inbox',
      'api',
      'worker',
      'setup',
    ])
      expect(dockerfile).toContain(`COPY ${room} ${room}\n`)
    const files = execFileSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' })
      .trim()
      .split('\n')
    for (const file of files.filter((name) => !name.includes('/') && !name.endsWith('.config.ts')))
      expect(dockerfile).toMatch(new RegExp(`^COPY .*\\b${file.replace('.', '\\.')} `, 'm'))
  })
})
