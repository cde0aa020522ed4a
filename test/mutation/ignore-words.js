// A plugin of Stryker, which loads it in processes of its own: plain JavaScript therefore.
//
// What is written for people (a sentence in an answer, a mail or a log) may be worded in any way, so a test that held it to
// its wording would be in the way. States, ids, keys of effects and names of accounts have no space in them, and stay.

const reason = 'words for people, which may be put in any way'

/** Codes in a row, which a space keeps apart. */
const codes = /^([a-z]{3} )+([a-z]{3} ?)?$/

const isWords = (text) => /\p{L}.* |^ .*\p{L}/su.test(text) && !codes.test(text)

/** What decides within a text is a rule, whatever the words around it. */
const isPlain = ({ type }) => ['Identifier', 'MemberExpression', 'CallExpression'].includes(type)

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'words',
    value: {
      shouldIgnore({ node }) {
        if (node.type === 'StringLiteral' && isWords(node.value)) return reason
        if (node.type !== 'TemplateLiteral' || !node.expressions.every(isPlain)) return undefined
        return node.quasis.some(({ value }) => isWords(value.raw)) ? reason : undefined
      },
    },
  },
]
