// An app that anybody could write with fhirclient: it asks for a record and
// shows what it got.
'use strict'
const told = document.querySelector('#told')
function tell(name, text) {
  const dt = document.createElement('dt'), dd = document.createElement('dd')
  dt.textContent = name
  dd.id = name
  dd.textContent = text
  told.append(dt, dd)
}
const { iss, clientId, scope } = window.settings
document.querySelector('#connect').onclick = () => FHIR.oauth2.authorize({ iss, clientId, scope, redirectUri: location.origin + '/' })

async function show(client) {
  const patient = await client.patient.read()
  tell('patient', `${patient.name[0].given[0]} ${patient.name[0].family}`)
  tell('patient-id', client.patient.id)
  const user = await client.user.read()
  tell('user', `${client.user.fhirUser} ${user.id}`)
  const one = await client.request(`Observation?patient=${client.patient.id}&_count=1`)
  tell('observations', `${one.entry.length} of ${one.type}`)
  const all = await client.patient.request('Observation?_count=20', { pageLimit: 0, flat: true })
  tell('all-observations', `${all.length} ${new Set(all.map((o) => o.id)).size}`)
  const linked = await client.request(`Encounter?patient=${client.patient.id}&_count=1`, { flat: true, resolveReferences: ['subject'] })
  tell('linked', linked[0].subject.name[0].family)
  tell('granted', client.state.tokenResponse.scope)
  let refused = 'not refused'
  await client.create({ resourceType: 'Observation', status: 'final', code: { text: 'sleep' }, subject: { reference: `Patient/${client.patient.id}` } }).catch((e) => { refused = `${e.status} ${e.message}` })
  tell('write', refused)
  let other = 'not refused'
  await client.request('Patient/somebody-else').catch((e) => { other = `${e.status}` })
  tell('other', other)
}

async function again(client) {
  const before = client.state.tokenResponse.access_token
  await client.refresh()
  tell('refreshed', before !== client.state.tokenResponse.access_token ? 'a new token' : 'the old token')
  const patient = await client.request(`Patient/${client.patient.id}`)
  tell('patient-again', patient.name[0].family)
}

if (new URLSearchParams(location.search).size || sessionStorage.getItem('SMART_KEY')) {
  FHIR.oauth2.ready().then(async (client) => {
    await show(client)
    const button = document.querySelector('#again')
    button.hidden = false
    button.onclick = () => again(client).then(() => tell('again-done', 'yes')).catch((e) => tell('error-again', `${e.status ?? ''} ${e.message}`))
    tell('done', 'yes')
  }).catch((e) => tell('error', e.message))
}
