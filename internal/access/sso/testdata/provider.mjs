// A provider of OpenID Connect for tests: node provider.mjs FOLDER PORT REDIRECT
// where FOLDER holds node_modules/oidc-provider. Whoever asks is u-1, signed
// in with two factors, and agrees.
import http from 'node:http'

const [folder, port, redirect] = process.argv.slice(2)
const { Provider } = await import(`${folder}/node_modules/oidc-provider/lib/index.js`)
const issuer = `http://localhost:${port}`

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'hale', client_secret: 's3cret', redirect_uris: [redirect],
    grant_types: ['authorization_code'], response_types: ['code'],
  }],
  claims: { openid: ['sub', 'amr'], email: ['email', 'email_verified'], profile: ['name'], auth_time: null },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: 'nurse@example.org', email_verified: true }) }),
  features: { devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  cookies: { keys: ['for tests alone'] },
})

const answer = provider.callback()
http.createServer(async (req, res) => {
  if (!req.url.startsWith('/interaction/')) return answer(req, res)
  const { prompt, params, session } = await provider.interactionDetails(req, res)
  let result = { login: { accountId: 'u-1', amr: ['pwd', 'mfa'] } }
  if (prompt.name === 'consent') {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
    grant.addOIDCScope('openid email profile')
    result = { consent: { grantId: await grant.save() } }
  }
  return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true })
}).listen(Number(port), 'localhost', () => console.log('ready'))
