/** The style sheet of all hosted pages. */
export const style = `
:root {
  --ink: #1a1f36; --quiet: #545b72; --line: #d5dbe5; --paper: #ffffff; --side: #f5f7fb;
  --accent: #0a5bd3; --accent-dark: #084ab0; --danger: #b3093c; --danger-paper: #fff1f4;
  --warning: #8a4b00; --warning-paper: #fff4dd; --radius: 8px;
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; color: var(--ink); background: var(--paper); line-height: 1.5;
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; font-size: 16px; }
h1, h2, p { margin: 0; }
a { color: var(--accent); }
.badge { display: inline-block; padding: 2px 8px; border-radius: 999px; font-size: 12px; font-weight: 600;
  letter-spacing: .04em; text-transform: uppercase; color: var(--warning); background: var(--warning-paper); }

.checkout { display: grid; grid-template-columns: 1fr 1fr; min-height: 100vh; }
.summary { background: var(--side); display: flex; justify-content: flex-end; }
.payment { display: flex; justify-content: flex-start; box-shadow: -12px 0 32px rgba(26, 31, 54, .06); }
.column { width: 100%; max-width: 460px; padding: 56px 48px; }
.merchant { display: flex; align-items: center; gap: 12px; margin-bottom: 40px; font-weight: 600; }
.back { display: inline-flex; align-items: center; gap: 6px; color: var(--quiet); text-decoration: none; font-weight: 500; }
.back:hover { color: var(--ink); }
.purpose { display: block; color: var(--quiet); font-size: 18px; font-weight: 500; line-height: 1.4; }
.total { display: block; font-size: 36px; font-weight: 650; letter-spacing: -.02em; line-height: 1.2; margin: 4px 0; }
.per { font-size: 16px; font-weight: 500; letter-spacing: 0; color: var(--quiet); }
.hint { color: var(--quiet); font-size: 14px; }
.lines { list-style: none; margin: 32px 0 0; padding: 0; }
.lines li { display: flex; justify-content: space-between; gap: 16px; padding: 14px 0; border-top: 1px solid var(--line); }
.lines strong { display: block; font-weight: 550; }
.lines .amount { white-space: nowrap; text-align: right; font-weight: 550; }
.due { display: flex; justify-content: space-between; padding: 16px 0 0; border-top: 1px solid var(--line); font-weight: 600; }

h2 { font-size: 20px; font-weight: 600; margin-bottom: 20px; }
.field { margin-bottom: 16px; }
.row { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
label { display: block; font-size: 14px; font-weight: 500; margin-bottom: 6px; }
input { width: 100%; min-height: 44px; padding: 10px 12px; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid #a9b2c3; border-radius: var(--radius); }
input:focus-visible, button:focus-visible, a:focus-visible, summary:focus-visible {
  outline: 3px solid rgba(10, 91, 211, .35); outline-offset: 1px; border-color: var(--accent); }
input[aria-invalid='true'] { border-color: var(--danger); }
input::placeholder { color: #7d879c; }
.known { display: flex; gap: 16px; padding: 11px 12px; margin-bottom: 16px; font-size: 14px; background: var(--side); border-radius: var(--radius); }
.known span { color: var(--quiet); }
.known b { font-weight: 500; overflow-wrap: anywhere; }
.alert { display: flex; gap: 10px; padding: 12px 14px; margin-bottom: 16px; border-radius: var(--radius);
  color: var(--danger); background: var(--danger-paper); font-size: 15px; }
.alert::before { content: '!'; flex: none; width: 20px; height: 20px; border-radius: 50%; margin-top: 1px;
  background: var(--danger); color: #fff; font-size: 13px; font-weight: 700; line-height: 20px; text-align: center; }
.button, button { display: inline-flex; align-items: center; justify-content: center; gap: 10px; width: 100%; min-height: 48px;
  padding: 10px 18px; border: 1px solid transparent; border-radius: var(--radius); font: inherit; font-weight: 600;
  color: #fff; background: var(--accent); cursor: pointer; text-decoration: none; }
.button:hover, button:hover { background: var(--accent-dark); }
.secondary, .secondary:hover { color: var(--ink); background: var(--paper); border-color: #a9b2c3; }
button[aria-busy='true'] { opacity: .75; cursor: progress; }
button[aria-busy='true']::before { content: ''; width: 16px; height: 16px; border: 2px solid rgba(255, 255, 255, .5);
  border-top-color: #fff; border-radius: 50%; animation: turn .8s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
.bank { margin: 0 0 28px; }
@media (prefers-reduced-motion: reduce) { button[aria-busy='true']::before { animation: none; } }

details { margin-top: 24px; font-size: 14px; color: var(--quiet); }
summary { cursor: pointer; width: max-content; border-radius: 4px; }
.cards { width: 100%; margin-top: 10px; border-collapse: collapse; }
.cards td { padding: 4px 0; border-top: 1px solid var(--line); }
.cards td:first-child { white-space: nowrap; padding-right: 12px; }
.cards button { display: inline; width: auto; min-height: 0; padding: 2px 4px; font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: 13px; font-weight: 400; color: var(--accent); background: none; border: 0; border-radius: 4px; }
.cards button:hover { text-decoration: underline; }
.fine { margin-top: 20px; font-size: 13px; color: var(--quiet); }

.noticed { background: var(--side); }
.notice { max-width: 480px; margin: 12vh auto 0; padding: 40px 32px; text-align: center; background: var(--paper);
  border-radius: 12px; box-shadow: 0 8px 32px rgba(26, 31, 54, .08); }
.notice h1 { font-size: 22px; line-height: 1.3; margin: 16px 0 8px; }
.notice p + p, .notice form { margin-top: 24px; }
.choices { display: grid; gap: 12px; }

@media (max-width: 860px) {
  .notice { margin: 24px 16px; padding: 32px 20px; }
  .checkout { grid-template-columns: 1fr; align-content: start; }
  .summary, .payment { justify-content: center; box-shadow: none; }
  .column { padding: 24px 20px; max-width: 520px; }
  .payment .column { padding-top: 32px; padding-bottom: 48px; }
  .merchant { margin-bottom: 20px; }
  .total { display: block; font-size: 32px; }
  .lines { margin-top: 16px; }
}
`
