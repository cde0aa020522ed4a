/** The mailbox as a page: who has got what, and the mail as its reader sees it. */

import type { ReceivedMail } from './mails.ts'

/** `to` narrows the list to an address, `chosen` is the mail that is open. */
export function mailboxPage(mails: ReceivedMail[], to: string, chosen: ReceivedMail | undefined): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox (${mails.length})</title>
<style>${style}</style>
</head>
<body>
<header>
  <h1>Mailbox</h1>
  <p class="hint">Mails of this machine, kept in memory. None leaves it.</p>
  <form method="get" action="/" role="search">
    <input type="search" name="to" value="${escape(to)}" placeholder="to ada@example.com" aria-label="Only mails to this address">
  </form>
  <button type="button" id="empty" ${mails.length === 0 ? 'disabled' : ''}>Delete ${to === '' ? 'all' : 'these'}</button>
</header>
<main>
  <nav aria-label="Mails" data-mails="${mails.map(({ id }) => id).join()}">${mails.length === 0 ? emptyList(to) : `<ol>${mails.map((mail) => listed(mail, to, mail.id === chosen?.id)).join('')}</ol>`}</nav>
  <article>${chosen ? opened(chosen) : '<p class="nothing">Choose a mail to read it.</p>'}</article>
</main>
<script>${script}</script>
</body>
</html>
`
}

/** The mail's own HTML, for a frame that runs nothing and loads nothing; links open beside it. */
export const mailFrame = (mail: ReceivedMail): string =>
  `<base target="_blank">${mail.html || `<pre style="font:14px/1.5 ui-monospace,monospace;white-space:pre-wrap">${escape(mail.text)}</pre>`}`

function listed(mail: ReceivedMail, to: string, isChosen: boolean): string {
  const address = `/?${new URLSearchParams({ ...(to !== '' && { to }), mail: mail.id }).toString()}`
  return `<li><a href="${escape(address)}"${isChosen ? ' aria-current="true"' : ''}>
    <span class="line"><strong>${escape(mail.to.join(', '))}</strong>${time(mail, 11)}</span>
    <span class="subject">${escape(mail.subject)}</span>
    <span class="sender">${escape(mail.from.name || mail.from.address)}</span>
  </a></li>`
}

function opened(mail: ReceivedMail): string {
  return `<h2>${escape(mail.subject)}</h2>
  <dl>
    <dt>From</dt><dd>${escape(`${mail.from.name} <${mail.from.address}>`)}</dd>
    <dt>To</dt><dd>${escape(mail.to.join(', '))}</dd>
    <dt>Received</dt><dd>${time(mail)}</dd>
    <dt>Message-ID</dt><dd><code>${escape(mail.message_id)}</code></dd>
  </dl>
  <iframe src="/mails/${encodeURIComponent(mail.id)}" title="${escape(mail.subject)}" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>
  <details><summary>As text</summary><pre>${escape(mail.text)}</pre></details>`
}

const emptyList = (to: string): string =>
  `<p class="nothing">${to === '' ? 'No mails yet. They appear here as they come.' : `No mails to ${escape(to)}.`}</p>`

/** In the list from its hour on: the day can be read in the mail. */
const time = ({ received_at }: ReceivedMail, from = 0): string =>
  `<time datetime="${received_at}">${received_at.slice(from, 19).replace('T', ' ')} UTC</time>`

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter)

/** The list is fetched anew when something has come, with what is open left as it is. */
const script = `
const query = new URLSearchParams(location.search)
const address = '/_local/mails' + (query.get('to') ? '?to=' + encodeURIComponent(query.get('to')) : '')
setInterval(async () => {
  const answer = await fetch(address).catch(() => undefined)
  if (!answer || !answer.ok) return
  const { data } = await answer.json()
  if (data.map(({ id }) => id).join() === document.querySelector('nav').dataset.mails) return
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
  document.querySelector('nav').replaceWith(page.querySelector('nav'))
  document.getElementById('empty').disabled = data.length === 0
  document.title = page.title
}, 1000)
document.getElementById('empty').addEventListener('click', async () => {
  await fetch(address, { method: 'DELETE' })
  query.delete('mail')
  location.search = query
})
`

const style = `
:root { --ink: #1a1f36; --quiet: #545b72; --line: #d5dbe5; --paper: #fff; --side: #f5f7fb; --accent: #0a5bd3; }
* { box-sizing: border-box; }
body { margin: 0; height: 100vh; display: flex; flex-direction: column; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
h1, h2, p, ol, dl, dd { margin: 0; padding: 0; }
header { display: flex; align-items: center; gap: 16px; padding: 14px 20px; border-bottom: 1px solid var(--line); }
h1 { font-size: 18px; }
.hint { flex: 1; color: var(--quiet); }
input, button { font: inherit; padding: 6px 12px; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: var(--ink); }
button { cursor: pointer; }
button:disabled { color: var(--quiet); cursor: default; opacity: .6; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
main { flex: 1; min-height: 0; display: grid; grid-template-columns: minmax(280px, 380px) 1fr; }
nav { overflow-y: auto; background: var(--side); border-right: 1px solid var(--line); }
ol { list-style: none; }
nav a { display: block; padding: 12px 20px; color: inherit; text-decoration: none; border-bottom: 1px solid var(--line); border-left: 3px solid transparent; }
nav a:hover { background: #eaeff8; }
nav a[aria-current] { background: var(--paper); border-left-color: var(--accent); }
nav span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
nav .line { display: flex; justify-content: space-between; gap: 12px; }
nav strong { overflow: hidden; text-overflow: ellipsis; }
time, .sender, dt { color: var(--quiet); font-size: 13px; }
article { min-width: 0; display: flex; flex-direction: column; padding: 20px 24px; overflow-y: auto; }
h2 { font-size: 20px; line-height: 1.3; margin-bottom: 12px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin-bottom: 16px; }
dd { overflow-wrap: anywhere; }
iframe { flex: 1; min-height: 420px; width: 100%; border: 1px solid var(--line); border-radius: 8px; }
details { margin-top: 16px; }
summary { cursor: pointer; color: var(--quiet); }
pre { margin: 8px 0 0; padding: 12px 16px; overflow-x: auto; background: var(--side); border-radius: 8px; font: 13px/1.6 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; }
.nothing { padding: 20px; color: var(--quiet); }
@media (max-width: 760px) {
  body { height: auto; }
  header { flex-wrap: wrap; }
  .hint { flex-basis: 100%; order: 3; }
  main { grid-template-columns: 1fr; }
  nav { max-height: 40vh; border-right: 0; }
}
`
