// Evaluates expressions on resources with the npm engine: the folder of its
// installation, a file of resources (one a line) and a file of expressions by
// type. Writes one line of JSON for each resource: its results, in order.
const fs = require("fs");
const path = require("path");
const [, , folder, resources, expressions] = process.argv;
const modules = path.join(folder, "node_modules");
const fhirpath = require(path.join(modules, "fhirpath"));
const r4 = require(path.join(modules, "fhirpath", "fhir-context", "r4"));
const byType = JSON.parse(fs.readFileSync(expressions, "utf8"));
console.log = () => {}; // trace() writes there
const compiled = {};
function compile(text) {
  if (!(text in compiled)) {
    try {
      compiled[text] = { run: fhirpath.compile(text, r4) };
    } catch (e) {
      compiled[text] = { error: String(e.message || e) };
    }
  }
  return compiled[text];
}
for (const line of fs.readFileSync(resources, "utf8").split("\n")) {
  if (line === "") continue;
  const resource = JSON.parse(line);
  const out = [];
  for (const text of byType[resource.resourceType] || []) {
    const c = compile(text);
    if (c.error) {
      out.push({ error: c.error });
      continue;
    }
    try {
      out.push({ values: c.run(resource, { resource, rootResource: resource }) });
    } catch (e) {
      out.push({ error: String(e.message || e) });
    }
  }
  process.stdout.write(JSON.stringify(out) + "\n");
}
