import { html, raw, type Html } from './html.ts'
import { style } from './style.ts'

export interface Page {
  status: number
  headers: Record<string, string>
  body: string
}

/** The page may load nothing from anywhere but pictures of products. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src http: https: data:; base-uri 'none'; frame-ancestors 'self'"

export const page = (status: number, title: string, content: Html, bodyClass = ''): Page => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': policy,
  },
  body: html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        <style>
          ${raw(style)}
        </style>
      </head>
      <body class="${bodyClass}">
        ${content}
      </body>
    </html>`.html,
})

/** After a form a browser is sent on with 303, so that going back or reloading sends nothing twice. */
export const redirect = (location: string): Page => ({
  status: 303,
  headers: { location, 'cache-control': 'no-store' },
  body: '',
})

/** A page with one thing to say. */
export const notice = (
  status: number,
  title: string,
  text: string,
  link?: { href: string; label: string },
): Page =>
  page(
    status,
    title,
    html`<main class="notice">
      <p class="badge">Test mode</p>
      <h1>${title}</h1>
      <p>${text}</p>
      ${link && html`<p><a class="button secondary" href="${link.href}">${link.label}</a></p>`}
    </main>`,
    'noticed',
  )
