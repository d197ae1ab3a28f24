// Shows resources to medplum's validator: node validate.cjs FOLDER ANSWERS
// [PROFILES] where FOLDER holds node_modules/@medplum, ANSWERS a resource a
// line with where it came from, and PROFILES a list of StructureDefinitions.
// Writes each finding as a line of JSON, and last how much it was shown.
const fs = require('fs')
const path = require('path')
const [, , folder, answers, profiles] = process.argv
const medplum = path.join(folder, 'node_modules', '@medplum')
const { indexStructureDefinitionBundle, loadDataType, validateResource, normalizeErrorString } = require(path.join(medplum, 'core'))
const definitions = path.join(medplum, 'definitions', 'dist', 'fhir', 'r4')
const read = (...at) => JSON.parse(fs.readFileSync(path.join(...at), 'utf8'))
const tell = (line) => process.stdout.write(JSON.stringify(line) + '\n')

for (const file of ['profiles-types.json', 'profiles-resources.json']) indexStructureDefinitionBundle(read(definitions, file))
const known = {}
const shipped = ['uscore-v5.0.1-structuredefinitions.json', 'uscore-v7.0.0-smoking-status.json'].flatMap((name) => {
  const file = read(definitions, 'testing', name)
  return Array.isArray(file) ? file : file.entry?.map((e) => e.resource) ?? [file]
})
for (const definition of profiles ? read(profiles) : shipped) {
  try {
    loadDataType(definition)
    if (definition.kind === 'resource') known[definition.url] = definition
  } catch { /* one that it cannot read itself, which is not ours to mend */ }
}

const seen = {}, held = {}
const done = new Set()
function check(from, resource) {
  const text = JSON.stringify(resource)
  if (done.has(text)) return
  done.add(text)
  const type = resource.resourceType
  seen[type] = (seen[type] ?? 0) + 1
  const claimed = (resource.meta?.profile ?? []).map((url) => known[url.split('|')[0]]).filter(Boolean)
  for (const profile of [undefined, ...claimed]) {
    if (profile) held[profile.name] = (held[profile.name] ?? 0) + 1
    let issues
    try {
      issues = validateResource(resource, profile && { profile })
    } catch (e) {
      issues = e.outcome?.issue ?? [{ severity: 'fatal', details: { text: normalizeErrorString(e) } }]
    }
    for (const issue of issues) {
      tell({ from, type, id: resource.id, profile: profile?.url, severity: issue.severity, text: issue.details?.text ?? issue.diagnostics, at: issue.expression?.join(' ') })
    }
  }
  inside(from, resource)
}

// inside checks the resources that another holds.
function inside(from, value) {
  if (!value || typeof value !== 'object') return
  for (const v of Object.values(value)) {
    if (v?.resourceType) check(from, v)
    else inside(from, v)
  }
}

for (const line of fs.readFileSync(answers, 'utf8').split('\n')) {
  if (line === '') continue
  const { from, resource } = JSON.parse(line)
  check(from, resource)
}
const counts = { seen: { ...seen }, profiles: { ...held } }
check('spoiled', { resourceType: 'Patient', birthDate: 'yesterday', hat: true, name: { family: 'Single' } })
tell(counts)
