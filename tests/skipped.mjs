// A reporter beside the one that people read: a test that says it was skipped, or is yet to be done, fails the run.

export default async function* skipped(source) {
  const names = [];
  for await (const { type, data } of source) {
    if (type === 'test:pass' && (data.skip ?? data.todo) !== undefined) names.push(data.name);
  }
  if (!names.length) return;
  process.exitCode = 1;
  yield `\n✖ not run:\n${names.map((name) => `  ${name}\n`).join('')}`;
}
