// The mutants of a C file: places where one operator, constant or jump is another.

const TOKEN = /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)[uUlL]*|[A-Za-z_]\w*|<<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s]/g;

const OPERATORS = {
  '<': ['<=', '>='], '>': ['>=', '<='], '<=': ['<', '>'], '>=': ['>', '<'], '==': ['!='], '!=': ['=='],
  '&&': ['||'], '||': ['&&'], '++': ['--'], '--': ['++'], '+=': ['-='], '-=': ['+='], '|=': ['&='], '&=': ['|='],
  '<<': ['>>'], '>>': ['<<'], '/': ['*'], '%': ['/'], true: ['false'], false: ['true'],
};
// These are operators only between two values.
const BINARY = { '+': ['-'], '-': ['+'], '&': ['|'], '|': ['&'] };
const OPEN = { '(': ')', '[': ']', '{': '}' };
const CLOSE = new Set([')', ']', '}']);

// The lines of macros' bodies are code too; other lines of the preprocessor are blanked.
function code(text) {
  return text.replace(/^#[ \t]*(\w+)(?:[^\n]*\\\n)*[^\n]*/gm, (line, directive) => {
    const head = directive === 'define' ? line.match(/^#[ \t]*define[ \t]+\w+(\([^)]*\))?/)[0].length : line.length;
    const blank = (s) => s.replace(/[^\n]/g, ' ');
    return blank(line.slice(0, head)) + line.slice(head).replace(/\\\n/g, ' \n');
  });
}

function tokenize(text) {
  const tokens = [];
  for (const { 0: s, index } of code(text).matchAll(TOKEN)) if (!/^\/[*/]/.test(s)) tokens.push({ s, at: index, end: index + s.length });
  return tokens;
}

// Gives each token its function ('' outside of one), where that begins and ends, and its depth of braces.
function place(tokens) {
  let depth = 0;
  let name = '';
  let called = '';
  let span = {};
  tokens.forEach((t, i) => {
    if (t.s === '}') depth -= 1;
    t.function = depth > 0 || t.s === '}' ? name : '';
    t.depth = depth;
    if (depth === 0 && t.s === '(' && /^\w+$/.test(tokens[i - 1]?.s ?? '')) called = tokens[i - 1].s;
    if (t.s === '{') {
      if (depth === 0) [name, span] = [tokens[i - 1]?.s === ')' ? called : '', { start: t.at }];
      depth += 1;
    }
    t.span = span;
    span.end = t.end;
  });
}

// The first token from i on, outside of parentheses that open there, of which `stop` says so.
function find(tokens, i, stop) {
  let depth = 0;
  let choices = 0;
  for (; i < tokens.length; i++) {
    const { s } = tokens[i];
    if (depth === 0 && choices === 0 && stop(s)) return i;
    if (OPEN[s]) depth += 1;
    else if (CLOSE.has(s)) depth -= 1;
    else if (s === '?' && depth === 0) choices += 1;
    else if (s === ':' && depth === 0) choices -= 1;
    if (depth < 0) return -1;
  }
  return -1;
}

const isValue = (s) => s !== undefined && (/^\w/.test(s) || s === ')' || s === ']') && !/^(return|case|sizeof|else)$/.test(s);

// Every change that can be made at a token: [from, to, text].
function changes(text, tokens, i) {
  const { s, at, end, depth } = tokens[i];
  const before = tokens[i - 1]?.s;
  const after = tokens[i + 1]?.s;
  if (Object.hasOwn(OPERATORS, s)) return OPERATORS[s].map((other) => [at, end, other]);
  if (Object.hasOwn(BINARY, s) && isValue(before)) return BINARY[s].map((other) => [at, end, other]);
  if (s === '!') return [[at, end, '']];
  if (/^\d/.test(s) && !s.includes('.')) return [[at, end, `(${s} + 1)`]];
  if (s === 'continue') return [[at, end, '']];
  if (s === 'break' && !(before === ':' && tokens[i + 2]?.s === '}')) return [[at, end, '']];
  if (s === 'return') {
    const stop = find(tokens, i + 1, (t) => t === ';');
    if (tokens[stop + 1]?.s === '}' && depth === 1) return []; // the end of the function
    return [[at, tokens[stop].at, after === ';' ? '' : `(void)(${text.slice(end, tokens[stop].at)})`]];
  }
  if (s === '?') {
    const colon = find(tokens, i + 1, (t) => t === ':');
    const stop = find(tokens, colon + 1, (t) => /^[;,:)\]}]$/.test(t));
    const [yes, no] = [text.slice(end, tokens[colon].at), text.slice(tokens[colon].end, tokens[stop].at)];
    return [[end, tokens[stop].at, ` (${no.trim()}) : (${yes.trim()})`]];
  }
  return [];
}

const oneLine = (s) => s.replace(/\s+/g, ' ').trim();

// What is in `text` as mutants of `file`: where, the lines before and after, the changed function (of a
// macro its line), and the changed text.
export function mutants(file, text) {
  const tokens = tokenize(text);
  place(tokens);
  const macros = code(text);
  return tokens.flatMap((token, i) => {
    const start = text.lastIndexOf('\n', token.at) + 1;
    const isMacro = macros[start] !== text[start];
    if (!token.function && !isMacro) return [];
    return changes(text, tokens, i).map(([from, to, other]) => {
      const stop = text.indexOf('\n', to);
      const { start: first, end: last } = isMacro ? { start, end: stop } : token.span;
      return {
        file, line: text.slice(0, token.at).split('\n').length, function: token.function || '#define',
        before: oneLine(text.slice(start, stop)),
        after: oneLine(text.slice(start, from) + other + text.slice(to, stop)),
        part: text.slice(first, from) + other + text.slice(to, last),
        text: text.slice(0, from) + other + text.slice(to),
      };
    });
  });
}
