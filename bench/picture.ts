import type { Compared } from './compare.ts'
import { type Report, short } from './report.ts'
import type { Aim } from './row.ts'

const width = 820
const lineHeight = 22
const top = 64
const left = 330
const right = 70
/** What the axis shows, as multiples of the bare program's cost. */
const range = { least: 0.5, most: 32 }
const marks = [0.5, 1, 2, 4, 8, 16, 32]
const colours = { met: '#2f855a', missed: '#c05621', noAim: '#718096', bare: '#1a202c', grid: '#e2e8f0' }

/** The ratios of a report as an SVG picture: each bar is what a thing costs us, measured by what it costs the bare program. */
export function ratioPicture({ rows, measuredAt }: Report): string {
  const bars = rows.flatMap(({ id, figures }) => figures.map((figure) => ({ id, figure })))
  const height = top + bars.length * lineHeight + 34
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>What each thing costs, measured by the bare program</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(
      16,
      24,
      'What each thing costs us, as a multiple of what it costs the bare program',
      'font-size="15"',
    ),
    text(
      16,
      43,
      `${measuredAt.slice(0, 10)}. Shorter is better. The line before or after a bar’s end is its aim.`,
      'fill="#4a5568"',
    ),
    ...marks.map((mark) => axis(mark, height)),
    ...bars.map(({ id, figure }, index) => bar(id, figure, top + index * lineHeight)),
    '</svg>',
    '',
  ].join('\n')
}

function axis(mark: number, height: number): string {
  const x = position(mark)
  const colour = mark === 1 ? colours.bare : colours.grid
  return [
    `<line x1="${x}" y1="${top - 6}" x2="${x}" y2="${height - 26}" stroke="${colour}"/>`,
    text(x, height - 10, mark === 1 ? '1 × (bare)' : `${mark} ×`, 'text-anchor="middle" fill="#4a5568"'),
  ].join('')
}

function bar(id: string, figure: Compared, y: number): string {
  const cost = costOf(figure.unit, figure.ratio.median)
  const x = position(cost)
  const start = Math.min(x, position(1))
  const limit = limitOf(figure)
  const limitX = limit === undefined ? undefined : position(limit)
  return [
    text(16, y + 12, id, 'font-weight="600"'),
    text(52, y + 12, `${figure.name}, ${figure.unit}`),
    `<rect x="${start}" y="${y + 1}" width="${Math.max(2, Math.abs(x - position(1)))}" height="14" rx="2" fill="${colourOf(figure)}"/>`,
    limitX !== undefined &&
      `<line x1="${limitX}" y1="${y - 2}" x2="${limitX}" y2="${y + 18}" stroke="${colours.bare}" stroke-width="2"/>`,
    text(Math.max(x, position(1), limitX ?? 0) + 6, y + 12, `${short(cost)} ×`),
  ]
    .filter(Boolean)
    .join('')
}

/** A rate that is half of the bare one costs twice as much; times and sizes are costs themselves. */
const costOf = (unit: Compared['unit'], ratio: number): number => (unit === 'per second' ? 1 / ratio : ratio)

/** The aim as a cost, where there is one that compares. */
function limitOf({ unit, aim = {} }: { unit: Compared['unit']; aim?: Aim }): number | undefined {
  const ratio = aim.ratioAtMost ?? aim.ratioAtLeast
  return ratio === undefined ? undefined : costOf(unit, ratio)
}

const colourOf = ({ met }: Compared): string =>
  met === undefined ? colours.noAim : met ? colours.met : colours.missed

/** Logarithmic, so that half and double are as far from the bare program. */
function position(cost: number): number {
  const bounded = Math.min(Math.max(cost, range.least), range.most)
  const share = Math.log(bounded / range.least) / Math.log(range.most / range.least)
  return Math.round(left + share * (width - left - right))
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

const text = (x: number, y: number, words: string, attributes = ''): string =>
  `<text x="${x}" y="${y}" ${attributes}>${words.replaceAll(/[&<>]/g, (sign) => escapes[sign] ?? sign)}</text>`
