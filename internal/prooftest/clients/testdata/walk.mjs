// Walks the API of a Hale with fhir-kit-client: node walk.mjs ASK, where ASK
// is a file that says where everything is. Each step is told in one line.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { record, refused, step, token } from './ask.mjs'

const ask = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
const more = record(ask.answers)
const { Client, CapabilityTool } = await import(`${ask.folder}/node_modules/fhir-kit-client/dist/index.js`)
const client = new Client({ baseUrl: ask.base })
const header = (r, name) => Client.httpFor(r).response.headers.get(name)
const status = (r) => Client.httpFor(r).response.status
const entries = (b) => (b.entry ?? []).map((e) => e.resource)
const ids = (b) => entries(b).map((r) => r.id)
const maria = `Patient/${ask.patient}`
const loinc = (code, text) => ({ coding: [{ system: 'http://loinc.org', code }], text })
const kind = (code) => [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] }]
const pulse = (value, more = {}) => ({
  resourceType: 'Observation', status: 'final', category: kind('vital-signs'), code: loinc('8867-4', 'Heart rate'), subject: { reference: maria },
  effectiveDateTime: '2026-03-02T10:00:00Z', valueQuantity: { value, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' }, ...more,
})
const person = (family, more = {}) => ({ resourceType: 'Patient', name: [{ family, given: ['Kit'] }], gender: 'other', birthDate: '1980-05-06', ...more })

// --- what anybody may ask

let metadata
await step('capabilityStatement', async () => {
  metadata = await client.capabilityStatement()
  assert.equal(metadata.resourceType, 'CapabilityStatement')
  assert.equal(metadata.fhirVersion, '4.0.1')
  assert.equal(header(metadata, 'content-type').split(';')[0], 'application/fhir+json')
})
await step('CapabilityTool', async () => {
  const tool = new CapabilityTool(metadata)
  for (const what of ['transaction', 'batch', 'search-system', 'history-system']) assert.ok(tool.serverCan(what), what)
  for (const what of ['read', 'vread', 'update', 'patch', 'delete', 'history-instance', 'history-type', 'create', 'search-type']) {
    assert.ok(tool.resourceCan('Patient', what), what)
    assert.ok(tool.interactionsFor({ resourceType: 'Observation' }).includes(what), what)
  }
  for (const name of ['name', 'birthdate', 'identifier']) assert.ok(tool.resourceSearch('Patient', name), name)
  for (const name of ['_id', '_lastUpdated']) assert.ok(tool.serverSearch(name), name)
  assert.ok(tool.searchParamsFor({ resourceType: 'Observation' }).includes('code-value-quantity'))
  assert.ok(tool.capabilityContents({ resourceType: 'Observation', capabilityType: 'searchInclude' }).includes('Observation:subject'))
  assert.ok(tool.supportFor({ resourceType: 'Patient', capabilityType: 'operation', where: { name: 'everything' } }))
})
let endpoints
await step('smartAuthMetadata', async () => {
  endpoints = await client.smartAuthMetadata()
  for (let i = 0; i < 5; i++) { // it races three addresses: each must say the same
    const again = await client.smartAuthMetadata()
    for (const name of ['authorizeUrl', 'tokenUrl']) assert.equal(String(again[name]), String(endpoints[name]), name)
  }
  assert.ok(String(endpoints.tokenUrl).startsWith(ask.pages))
})
await step('what is public besides', async () => {
  assert.equal((await client.request('metadata?mode=terminology')).resourceType, 'TerminologyCapabilities')
  const brands = await client.request(`${ask.pages}/brands.json`)
  assert.equal(brands.resourceType, 'Bundle')
  assert.ok(entries(brands).some((r) => r.resourceType === 'Endpoint' && r.address === ask.base))
  assert.equal((await client.request(`${ask.pages}/service-base-urls.json`)).resourceType, 'Bundle')
  for (const rest of metadata.rest) {
    for (const o of [...rest.operation ?? [], ...rest.resource.flatMap((r) => r.operation ?? [])]) {
      if (o.definition.startsWith(ask.base)) assert.equal((await client.request(o.definition)).resourceType, 'OperationDefinition')
    }
  }
})
await step('without a token', async () => {
  const outcome = await refused(401, () => client.read({ resourceType: 'Patient', id: ask.patient }))
  assert.equal(outcome.issue[0].code, 'login')
})
await step('private_key_jwt', async () => {
  client.bearerToken = await token(endpoints.tokenUrl, ask.writer, ask.key, 'system/*.cruds')
})

// --- one resource

let made
await step('create', async () => {
  made = await client.create({ resourceType: 'Patient', body: person('Walker', { identifier: [{ system: 'urn:walk', value: 'w-1' }] }) })
  assert.equal(status(made), 201)
  assert.equal(made.meta.versionId, '1')
  assert.equal(header(made, 'etag'), 'W/"1"')
  assert.equal(header(made, 'location'), `${ask.base}/Patient/${made.id}/_history/1`)
  assert.ok(header(made, 'last-modified'))
})
await step('create, told nothing and told an outcome', async () => {
  const nothing = await client.create({ resourceType: 'Observation', body: pulse(60), options: { headers: { Prefer: 'return=minimal' } } })
  assert.equal(status(nothing), 201)
  assert.equal(nothing.resourceType, undefined)
  const outcome = await client.create({ resourceType: 'Observation', body: pulse(61), options: { headers: { Prefer: 'return=OperationOutcome' } } })
  assert.equal(outcome.resourceType, 'OperationOutcome')
})
await step('read', async () => {
  const got = await client.read({ resourceType: 'Patient', id: made.id })
  assert.deepEqual(got, made)
  assert.equal((await client.read({ resourceType: 'Patient', id: ask.patient })).id, ask.patient)
})
await step('read, not modified', async () => {
  await assert.rejects(client.read({ resourceType: 'Patient', id: made.id, options: { headers: { 'If-None-Match': 'W/"1"' } } }), (e) => e.response.status === 304)
})
await step('update', async () => {
  const got = await client.update({ resourceType: 'Patient', id: made.id, body: { ...made, active: true } })
  assert.equal(status(got), 200)
  assert.equal(got.meta.versionId, '2')
  assert.equal(got.active, true)
})
await step('update of an old version', async () => {
  const options = { headers: { 'If-Match': 'W/"1"' } }
  await refused(412, () => client.update({ resourceType: 'Patient', id: made.id, body: made, options }))
})
await step('update makes what is not there', async () => {
  const got = await client.update({ resourceType: 'Patient', id: 'walk-by-hand', body: person('Byhand', { id: 'walk-by-hand' }) })
  assert.equal(status(got), 201)
  assert.equal(got.id, 'walk-by-hand')
})
await step('conditional update', async () => {
  const searchParams = { identifier: 'urn:walk|w-1' }
  const got = await client.update({ resourceType: 'Patient', searchParams, body: person('Walkerton', { identifier: made.identifier }) })
  assert.equal(got.id, made.id)
  assert.equal(got.meta.versionId, '3')
  await refused(412, () => client.update({ resourceType: 'Patient', searchParams: { given: 'Kit' }, body: person('Both') }))
})
await step('conditional create', async () => {
  const options = { headers: { 'If-None-Exist': 'identifier=urn:walk|w-1' } }
  const got = await client.create({ resourceType: 'Patient', body: person('Again'), options })
  assert.equal(status(got), 200)
  assert.equal(got.id, made.id)
})
await step('patch', async () => {
  const got = await client.patch({ resourceType: 'Patient', id: made.id, jsonPatch: [{ op: 'replace', path: '/name/0/family', value: 'Patcher' }, { op: 'add', path: '/telecom', value: [{ system: 'email', value: 'kit@walk.example' }] }] })
  assert.equal(got.name[0].family, 'Patcher')
  assert.equal(got.meta.versionId, '4')
  await refused(422, () => client.patch({ resourceType: 'Patient', id: made.id, jsonPatch: [{ op: 'test', path: '/gender', value: 'male' }] }))
  await refused(422, () => client.patch({ resourceType: 'Patient', id: made.id, jsonPatch: [{ op: 'remove', path: '/photo' }] }))
})
await step('FHIRPath patch', async () => {
  const part = (name, value) => ({ name, ...value })
  const got = await client.request(`Patient/${made.id}`, { method: 'PATCH', options: { headers: { 'content-type': 'application/fhir+json' } }, body: {
    resourceType: 'Parameters', parameter: [{ name: 'operation', part: [part('type', { valueCode: 'replace' }), part('path', { valueString: 'Patient.gender' }), part('value', { valueCode: 'female' })] }],
  } })
  assert.equal(got.gender, 'female')
})
await step('vread', async () => {
  const first = await client.vread({ resourceType: 'Patient', id: made.id, version: '1' })
  assert.equal(first.name[0].family, 'Walker')
  assert.equal(first.meta.versionId, '1')
  assert.equal((await client.vread({ resourceType: 'Patient', id: made.id, version: '5' })).gender, 'female')
  await refused(404, () => client.vread({ resourceType: 'Patient', id: made.id, version: '99' }))
})
await step('delete', async () => {
  const body = person('Gone')
  const one = await client.create({ resourceType: 'Patient', body })
  const deleted = await client.delete({ resourceType: 'Patient', id: one.id })
  assert.ok([200, 204].includes(status(deleted)))
  await refused(410, () => client.read({ resourceType: 'Patient', id: one.id }))
  assert.equal((await client.search({ resourceType: 'Patient', searchParams: { _id: one.id } })).entry, undefined)
  const past = await client.history({ resourceType: 'Patient', id: one.id })
  assert.deepEqual(past.entry.map((e) => e.request.method), ['DELETE', 'POST'])
  assert.equal(past.entry[0].resource, undefined)
  const back = await client.update({ resourceType: 'Patient', id: one.id, body: { ...body, id: one.id } })
  assert.equal(back.meta.versionId, '3')
})
await step('a resource with its provenance', async () => {
  const provenance = {
    resourceType: 'Provenance', recorded: '2026-03-02T10:00:00Z', agent: [{ who: { display: 'Kit Walker' } }],
  }
  const one = await client.create({ resourceType: 'Observation', body: pulse(62), options: { headers: { 'X-Provenance': JSON.stringify(provenance) } } })
  const found = await client.search({ resourceType: 'Provenance', searchParams: { target: `Observation/${one.id}` } })
  assert.equal(found.entry.length, 1)
})
await step('Binary', async () => {
  const data = Buffer.from('a file').toString('base64')
  const one = await client.create({ resourceType: 'Binary', body: { resourceType: 'Binary', contentType: 'text/plain', data } })
  const got = await client.read({ resourceType: 'Binary', id: one.id })
  assert.equal(got.data, data)
  const plain = await fetch(`${ask.base}/Binary/${one.id}`, { headers: { authorization: Client.httpFor(got).request.headers.get('authorization'), accept: 'text/plain' } })
  assert.equal(await plain.text(), 'a file')
})

// --- the past

await step('history of a resource', async () => {
  const past = await client.history({ resourceType: 'Patient', id: made.id })
  assert.equal(past.type, 'history')
  assert.deepEqual(past.entry.map((e) => e.resource.meta.versionId), ['5', '4', '3', '2', '1'])
  assert.ok(past.entry.every((e) => e.fullUrl === `${ask.base}/Patient/${made.id}` && e.request && e.response.status))
})
await step('history of a type', async () => {
  const past = await client.typeHistory({ resourceType: 'Patient' })
  assert.equal(past.type, 'history')
  assert.ok(past.entry.length > 5)
})
await step('history of all', async () => {
  const past = await client.history()
  assert.equal(past.type, 'history')
  const next = await client.nextPage({ bundle: past })
  assert.ok(next.entry.length > 0)
  const times = [...entries(past), ...entries(next)].filter(Boolean).map((r) => Date.parse(r.meta.lastUpdated))
  assert.deepEqual(times, [...times].sort((a, b) => b - a), 'newest first')
})

// --- search

await step('search', async () => {
  const got = await client.search({ resourceType: 'Patient', searchParams: { name: 'patcher', birthdate: 'le1980-12-31' } })
  assert.equal(got.type, 'searchset')
  assert.deepEqual(ids(got), [made.id])
  assert.equal(got.entry[0].search.mode, 'match')
  assert.equal(got.entry[0].fullUrl, `${ask.base}/Patient/${made.id}`)
})
await step('search by POST', async () => {
  const options = { postSearch: true }
  const searchParams = { patient: maria, code: 'http://loinc.org|8867-4', _sort: '-date', _count: 200 }
  const posted = await client.search({ resourceType: 'Observation', searchParams, options })
  assert.deepEqual(ids(posted), ids(await client.search({ resourceType: 'Observation', searchParams })))
  assert.ok(posted.entry.length >= 2)
})
await step('search with what belongs to it', async () => {
  const got = await client.search({ resourceType: 'Observation', searchParams: { patient: ask.patient, _include: 'Observation:subject', _count: 5 } })
  assert.ok(got.entry.some((e) => e.search.mode === 'include' && e.resource.id === ask.patient))
  const back = await client.search({ resourceType: 'Patient', searchParams: { _id: ask.patient, _revinclude: ['Condition:subject', 'MedicationRequest:subject'] } })
  for (const type of ['Condition', 'MedicationRequest']) assert.ok(entries(back).some((r) => r.resourceType === type), type)
})
await step('search by chains', async () => {
  const got = await client.search({ resourceType: 'Observation', searchParams: { 'subject:Patient.name': 'Alvarez', _count: 3 } })
  assert.ok(got.entry.length > 0)
  const has = await client.search({ resourceType: 'Patient', searchParams: { '_has:Observation:subject:code': '8867-4', _id: ask.patient } })
  assert.deepEqual(ids(has), [ask.patient])
})
await step('_summary, _elements and _total', async () => {
  const count = await client.search({ resourceType: 'Patient', searchParams: { _summary: 'count' } })
  assert.ok(count.total >= 60 && !count.entry)
  const some = await client.search({ resourceType: 'Patient', searchParams: { _elements: 'birthDate', _count: 1, _total: 'accurate' } })
  assert.equal(some.total, count.total)
  assert.equal(some.entry[0].resource.name, undefined)
  assert.ok(some.entry[0].resource.meta.tag.some((t) => t.code === 'SUBSETTED'))
})
await step('nextPage and prevPage', async () => {
  const first = await client.search({ resourceType: 'Condition', searchParams: { _count: 20, _sort: '_lastUpdated', _total: 'accurate' } })
  const seen = new Set(), pages = [first]
  for (let page = first; page; page = await client.nextPage({ bundle: page })) {
    for (const id of ids(page)) {
      assert.ok(!seen.has(id), `${id} stands on two pages`)
      seen.add(id)
    }
    if (page !== first) pages.push(page)
  }
  assert.equal(seen.size, first.total)
  assert.ok(pages.length > 3)
  const back = await client.prevPage({ bundle: pages[2] })
  assert.deepEqual(ids(back), ids(pages[1]))
  assert.deepEqual(ids(await client.nextPage({ bundle: back })), ids(pages[2]))
  assert.equal(await client.prevPage({ bundle: first }), undefined)
})
await step('search of everything', async () => {
  const got = await client.systemSearch({ searchParams: { _type: 'Patient,Organization', _count: 5 } })
  assert.equal(got.type, 'searchset')
  assert.equal(got.entry.length, 5)
  const posted = await client.systemSearch({ searchParams: { _id: ask.patient, _type: 'Patient' }, options: { postSearch: true } })
  assert.deepEqual(ids(posted), [ask.patient])
})
await step('compartmentSearch', async () => {
  const compartment = { resourceType: 'Patient', id: ask.patient }
  const got = await client.compartmentSearch({ resourceType: 'Condition', compartment })
  assert.ok(got.entry.length > 0 && entries(got).every((r) => r.subject.reference === maria))
  const some = await client.search({ resourceType: 'Observation', compartment, searchParams: { code: '8867-4' } })
  assert.ok(entries(some).every((r) => r.code.coding[0].code === '8867-4'))
  const posted = await client.compartmentSearch({ resourceType: 'Observation', compartment, searchParams: { code: '8867-4' }, options: { postSearch: true } })
  assert.deepEqual(ids(posted), ids(some))
})
await step('what forms wrote', async () => {
  const of = (resourceType, searchParams) => client.search({ resourceType, searchParams: { patient: ask.patient, _count: 500, ...searchParams } })
  assert.ok((await of('Appointment', { status: 'booked' })).entry?.length > 0, 'a visit that was booked')
  assert.ok((await of('Consent')).entry?.length > 0, 'a wish about results')
  assert.ok(entries(await of('DocumentReference')).some((d) => d.description?.includes('My left knee')), 'a photo that was sent')
})

// --- many at once

const put = (method, url, resource, more = {}) => ({ ...resource && { resource }, request: { method, url, ...more } })
await step('batch', async () => {
  const got = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: [
    put('POST', 'Observation', pulse(63)), put('GET', maria), put('GET', 'Patient/nobody'), put('GET', 'Patient?_id=' + ask.patient),
    put('PUT', 'Observation/wrong', { ...pulse(64), status: 'wrong', id: 'wrong' }), put('DELETE', 'Patient/walk-by-hand'),
  ] } })
  assert.equal(got.type, 'batch-response')
  assert.deepEqual(got.entry.map((e) => e.response.status.slice(0, 3)), ['201', '200', '404', '200', '422', '204'])
  assert.equal(got.entry[1].resource.id, ask.patient)
  assert.equal(got.entry[3].resource.type, 'searchset')
  assert.equal(got.entry[2].response.outcome.resourceType, 'OperationOutcome')
})
await step('transaction', async () => {
  const urn = 'urn:uuid:5a4b5d60-13f2-4f4f-9b9e-1ff02bb71b1c'
  const got = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [
    { ...put('POST', 'Observation', { ...pulse(65), subject: { reference: urn } }) },
    { fullUrl: urn, ...put('POST', 'Patient', person('Together')) },
    put('PUT', 'Patient?identifier=urn:walk|w-1', person('Conditional', { identifier: made.identifier })),
    put('POST', 'Condition', { resourceType: 'Condition', subject: { reference: 'Patient?identifier=urn:walk|w-1' }, code: { text: 'Tired' } }),
    put('GET', 'Patient?identifier=urn:walk|w-1'),
  ] } })
  assert.equal(got.type, 'transaction-response')
  assert.deepEqual(got.entry.map((e) => e.response.status.slice(0, 3)), ['201', '201', '200', '201', '200'])
  const at = (i) => got.entry[i].response.location.replace(`${ask.base}/`, '').split('/_history')[0]
  const observation = await client.resolve({ reference: at(0) })
  assert.equal(observation.subject.reference, at(1))
  assert.equal((await client.resolve({ reference: at(3) })).subject.reference, `Patient/${made.id}`)
  assert.equal(got.entry[4].resource.entry[0].resource.name[0].family, 'Conditional')
})
await step('transaction that fails leaves nothing', async () => {
  const outcome = await refused(422, () => client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [
    put('POST', 'Patient', person('Nothingleft')), put('POST', 'Observation', { ...pulse(66), status: 'wrong' }),
  ] } }))
  assert.ok(outcome.issue[0].expression[0].startsWith('Bundle.entry[1]'), JSON.stringify(outcome.issue[0].expression))
  assert.equal((await client.search({ resourceType: 'Patient', searchParams: { family: 'Nothingleft' } })).entry, undefined)
})

// --- operations

await step('$everything', async () => {
  const got = await client.operation({ name: 'everything', resourceType: 'Patient', id: ask.patient, method: 'GET', input: { _count: 50 } })
  assert.equal(got.type, 'searchset')
  const types = new Set(entries(got).map((r) => r.resourceType))
  for (let page = await client.nextPage({ bundle: got }); page; page = await client.nextPage({ bundle: page })) entries(page).forEach((r) => types.add(r.resourceType))
  for (const type of ['Patient', 'Observation', 'Condition', 'Encounter', 'Appointment', 'Consent', 'Practitioner']) assert.ok(types.has(type), type)
  const post = await client.operation({ name: '$everything', resourceType: 'Patient', id: ask.patient, input: { resourceType: 'Parameters', parameter: [{ name: '_count', valueInteger: 3 }] } })
  assert.ok(post.entry.length >= 3)
})
await step('$validate', async () => {
  const good = await client.operation({ name: 'validate', resourceType: 'Observation', input: pulse(67) })
  assert.ok(!good.issue.some((i) => ['error', 'fatal'].includes(i.severity)), JSON.stringify(good))
  const bad = await client.operation({ name: 'validate', resourceType: 'Observation', input: { resourceType: 'Parameters', parameter: [
    { name: 'resource', resource: { ...pulse(68), status: 'wrong' } }, { name: 'profile', valueUri: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-heart-rate' },
  ] } })
  assert.ok(bad.issue.some((i) => i.severity === 'error' && i.expression?.includes('Observation.status')), JSON.stringify(bad))
})
await step('$lastn', async () => {
  const got = await client.operation({ name: 'lastn', resourceType: 'Observation', method: 'GET', input: { patient: maria, code: '8867-4', max: 1 } })
  assert.equal(got.entry.length, 1)
})
await step('$match', async () => {
  const { name, birthDate, gender, telecom, address } = await client.read({ resourceType: 'Patient', id: ask.patient })
  const got = await client.operation({ name: 'match', resourceType: 'Patient', input: { resourceType: 'Parameters', parameter: [
    { name: 'resource', resource: { resourceType: 'Patient', name, birthDate, gender, telecom, address } }, { name: 'count', valueInteger: 3 },
  ] } })
  assert.equal(got.entry[0].resource.id, ask.patient)
  assert.ok(got.entry[0].search.score > 0)
})
await step('$summary, $docref and $ccd', async () => {
  const summary = await client.operation({ name: 'summary', resourceType: 'Patient', id: ask.patient, method: 'GET' })
  assert.equal(summary.type, 'document')
  assert.equal(summary.entry[0].resource.resourceType, 'Composition')
  const docref = await client.operation({ name: 'docref', resourceType: 'DocumentReference', method: 'GET', input: { patient: ask.patient } })
  assert.equal(docref.type, 'searchset')
  const { url } = entries(docref).find((d) => d.content[0].attachment.title === 'Continuity of Care Document').content[0].attachment
  const ccd = await fetch(new URL(url, `${ask.base}/`), { headers: { authorization: Client.httpFor(docref).request.headers.get('authorization') } })
  assert.equal(ccd.status, 200)
})
await step('terms', async () => {
  const url = 'http://hl7.org/fhir/ValueSet/administrative-gender', system = 'http://hl7.org/fhir/administrative-gender'
  const expanded = await client.operation({ name: 'expand', resourceType: 'ValueSet', method: 'GET', input: { url } })
  assert.deepEqual(expanded.expansion.contains.map((c) => c.code).sort(), ['female', 'male', 'other', 'unknown'])
  const value = (out, name) => Object.entries(out.parameter.find((p) => p.name === name)).find(([k]) => k.startsWith('value'))[1]
  assert.equal(value(await client.operation({ name: 'lookup', resourceType: 'CodeSystem', method: 'GET', input: { system, code: 'male' } }), 'display'), 'Male')
  assert.equal(value(await client.operation({ name: 'validate-code', resourceType: 'ValueSet', method: 'GET', input: { url, system, code: 'mail' } }), 'result'), false)
  assert.equal(value(await client.operation({ name: 'subsumes', resourceType: 'CodeSystem', method: 'GET', input: { system, codeA: 'male', codeB: 'male' } }), 'outcome'), 'equivalent')
  await client.search({ resourceType: 'ValueSet', searchParams: { url } })
  const systems = await client.search({ resourceType: 'CodeSystem', searchParams: { url: system } })
  if (systems.entry) await client.resolve({ reference: systems.entry[0].fullUrl })
})
await step('resolve', async () => {
  assert.equal((await client.resolve({ reference: maria })).id, ask.patient)
  assert.equal((await client.resolve({ reference: `${ask.base}/${maria}` })).id, ask.patient)
  const bundle = await client.search({ resourceType: 'Observation', searchParams: { patient: ask.patient, _include: 'Observation:subject', _count: 1 } })
  const inside = await client.resolve({ reference: entries(bundle)[0].subject.reference, context: bundle })
  assert.ok(entries(bundle).includes(inside), 'by the fullUrl in the bundle, without asking again')
  const outside = await client.resolve({ reference: 'Organization/' + ids(await client.search({ resourceType: 'Organization' }))[0], context: bundle })
  assert.equal(outside.resourceType, 'Organization')
  const holder = await client.create({ resourceType: 'Observation', body: pulse(69, { contained: [{ resourceType: 'Device', id: 'd1', deviceName: [{ name: 'Watch', type: 'user-friendly-name' }] }], device: { reference: '#d1' } }) })
  assert.equal((await client.resolve({ reference: holder.device.reference, context: holder })).resourceType, 'Device')
})
await step('Subscription', async () => {
  const one = await client.create({ resourceType: 'Subscription', body: {
    resourceType: 'Subscription', meta: { profile: ['http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription'] },
    status: 'requested', reason: 'Walk', criteria: `${ask.base}/SubscriptionTopic/results`,
    _criteria: { extension: [{ url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria', valueString: 'Observation?code=8867-4' }] },
    channel: { type: 'websocket', payload: 'application/fhir+json', _payload: { extension: [{ url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content', valueCode: 'full-resource' }] } },
  } })
  const current = await client.operation({ name: 'status', resourceType: 'Subscription', id: one.id, method: 'GET' })
  assert.equal(entries(current)[0].resourceType, 'Parameters')
  await client.create({ resourceType: 'Observation', body: pulse(70) })
  let told
  for (let i = 0; i < 60 && !told?.entry?.[1]; i++) {
    await new Promise((go) => setTimeout(go, 250))
    told = await client.operation({ name: 'events', resourceType: 'Subscription', id: one.id, method: 'GET' })
  }
  assert.equal(told.entry?.[1]?.resource?.valueQuantity?.value, 70)
  const binding = await client.operation({ name: 'get-ws-binding-token', resourceType: 'Subscription', id: one.id, method: 'GET' })
  assert.ok(binding.parameter.find((p) => p.name === 'token').valueString)
  const got = await client.read({ resourceType: 'Subscription', id: one.id })
  assert.ok(['requested', 'active'].includes(got.status), 'no socket has bound it')
  await client.delete({ resourceType: 'Subscription', id: one.id })
})
await step('$export of a group', async () => {
  const group = await client.create({ resourceType: 'Group', body: { resourceType: 'Group', type: 'person', actual: true, member: [{ entity: { reference: maria } }] } })
  const began = await client.request(`Group/${group.id}/$export?_type=Patient`, { options: { headers: { Prefer: 'respond-async' } } })
  assert.equal(status(began), 202)
  await client.request(header(began, 'content-location'), { method: 'DELETE' })
})
await step('$export', async () => {
  const began = await client.request('$export', { options: { headers: { Prefer: 'respond-async' } } })
  assert.equal(status(began), 202)
  const authorization = Client.httpFor(began).request.headers.get('authorization')
  const at = header(began, 'content-location')
  let manifest
  for (let i = 0; i < 60; i++) {
    const res = await fetch(at, { headers: { authorization, accept: 'application/json' } })
    if (res.status === 200) { manifest = await res.json(); break }
    assert.ok([202, 429].includes(res.status), `${res.status}`)
    await new Promise((go) => setTimeout(go, 1000 * Number(res.headers.get('retry-after') || 1)))
  }
  assert.ok(manifest?.output.length > 15)
  const counts = {}
  for (const { type, url, count } of manifest.output) {
    const res = await fetch(url, { headers: { authorization, accept: 'application/fhir+ndjson' } })
    const lines = (await res.text()).split('\n').filter(Boolean)
    assert.equal(lines.length, count, type)
    for (const line of lines) {
      const resource = JSON.parse(line)
      assert.equal(resource.resourceType, type)
      if ((counts[type] = (counts[type] ?? 0) + 1) <= 20) more('$export', resource)
    }
  }
  await client.request(at, { method: 'DELETE' })
})

// --- errors

await step('errors', async () => {
  await refused(404, () => client.read({ resourceType: 'Patient', id: 'nobody' }))
  await refused(404, () => client.request('Nonsense/1'))
  await refused(404, () => client.operation({ name: 'nonsense', resourceType: 'Patient' }))
  assert.throws(() => client.read({ resourceType: '/Patient', id: '1' }), /Invalid resourceType/)
  const strict = { headers: { Prefer: 'handling=strict' } }
  const unknown = await refused(400, () => client.search({ resourceType: 'Patient', searchParams: { nonsense: '1' }, options: strict }))
  assert.match(JSON.stringify(unknown), /nonsense/)
  await refused(400, () => client.search({ resourceType: 'Patient', searchParams: { birthdate: 'soon' }, options: strict }))
  await refused(400, () => client.create({ resourceType: 'Patient', body: '{"resourceType":"Patient",' }))
  await refused(400, () => client.create({ resourceType: 'Patient', body: pulse(1) }))
  const wrong = await refused(422, () => client.create({ resourceType: 'Patient', body: person('Wrong', { gender: 'lady', contact: [{ gender: 'female' }] }) }))
  assert.ok(wrong.issue.some((i) => i.expression?.[0] === 'Patient.gender'), JSON.stringify(wrong))
  await refused(400, () => client.update({ resourceType: 'Patient', id: 'one', body: person('Other', { id: 'two' }) }))
  await refused(415, () => client.create({ resourceType: 'Patient', body: 'name=Kit', options: { headers: { 'content-type': 'application/x-www-form-urlencoded' } } }))
  await refused(406, () => client.read({ resourceType: 'Patient', id: ask.patient, options: { headers: { accept: 'image/png' } } }))
  await refused(405, () => client.request('metadata', { method: 'DELETE' }))
})
await step('a token that is not one', async () => {
  const stranger = new Client({ baseUrl: ask.base, bearerToken: 'nonsense' })
  await refused(401, () => stranger.read({ resourceType: 'Patient', id: ask.patient }))
})
await step('a client with less', async () => {
  await assert.rejects(token(endpoints.tokenUrl, ask.reader, ask.key, 'system/*.cruds system/Patient.rs').then((t) => new Client({ baseUrl: ask.base, bearerToken: t }).search({ resourceType: 'Patient' })))
  const reader = new Client({ baseUrl: ask.base, bearerToken: await token(endpoints.tokenUrl, ask.reader, ask.key, 'system/Observation.rs') })
  assert.ok((await reader.search({ resourceType: 'Observation', searchParams: { _count: 3 } })).entry.length === 3)
  await refused(403, () => reader.search({ resourceType: 'Patient' }))
  await refused(403, () => reader.create({ resourceType: 'Observation', body: pulse(1) }))
  const included = await reader.search({ resourceType: 'Observation', searchParams: { patient: ask.patient, _include: 'Observation:subject', _count: 3 } })
  assert.ok(entries(included).every((r) => r.resourceType === 'Observation'), 'no scope, no include')
})
