// What walk.mjs asks with: a token by private_key_jwt, steps that are told
// one a line, and a record of every resource that was answered.
import crypto from 'node:crypto'
import fs from 'node:fs'

// record keeps what fetch answers in the file at path, one resource a line
// with where it came from. more adds resources that came in other ways.
export function record(path) {
  const out = fs.openSync(path, 'a')
  const more = (from, resource) => fs.writeSync(out, JSON.stringify({ from, resource }) + '\n')
  const plain = globalThis.fetch
  globalThis.fetch = async (req, init) => {
    const res = await plain(req, init)
    if ((res.headers.get('content-type') ?? '').includes('json')) {
      const text = await res.clone().text()
      const method = req.method ?? init?.method ?? 'GET'
      try {
        const resource = JSON.parse(text)
        if (resource?.resourceType) more(`${method} ${req.url ?? req} = ${res.status}`, resource)
      } catch { /* the step that asked says so */ }
    }
    return res
  }
  return more
}

// token gets one as a backend service does.
export async function token(endpoint, client, key, scope) {
  const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const signed = part({ alg: 'ES384', typ: 'JWT', kid: 'k1' }) + '.' +
    part({ iss: client, sub: client, aud: String(endpoint), jti: crypto.randomUUID(), iat: now, exp: now + 240 })
  const signature = crypto.sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  const res = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials', scope,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: `${signed}.${signature}`,
    }),
  })
  const body = await res.json()
  if (!res.ok) throw new Error(`no token: ${res.status} ${JSON.stringify(body)}`)
  return body.access_token
}

// step runs one step and tells how it went.
export async function step(name, run) {
  let problem = ''
  try {
    await run()
  } catch (e) {
    problem = String(e?.stack ?? e).split('\n').slice(0, 6).join(' | ')
    if (e?.response) problem += ' ' + JSON.stringify(e.response.data).slice(0, 1500)
  }
  process.stdout.write(JSON.stringify({ step: name, problem }) + '\n')
}

// refused runs what must fail, and returns the OperationOutcome.
export async function refused(status, run) {
  try {
    await run()
  } catch (e) {
    if (e?.response?.status !== status) throw e
    const outcome = e.response.data
    if (outcome?.resourceType !== 'OperationOutcome' || !outcome.issue?.[0]?.code || !outcome.issue[0].details?.text) {
      throw new Error(`${status} without an OperationOutcome that says why: ${JSON.stringify(outcome)}`)
    }
    return outcome
  }
  throw new Error(`that was answered, want ${status}`)
}
