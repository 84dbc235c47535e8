// A real OpenID Connect provider (the npm package oidc-provider), for tests. Reads its settings as JSON from the first
// argument: { port, redirect_uris }. Prints its issuer URL. Beside its own endpoints it has, for tests alone:
//   POST /test/rotate              other keys from here on; those of before are not published any more
//   POST /test/sign {header, payload, key}  a token signed with the issuer's own key of that kind (RS256, PS256, ES256, EdDSA),
//                                  however wrong what it says
//   POST /test/person {sub, claims}  what it says of somebody who signs in with that name
//   GET  /test/asked               how often its key set was asked for
import crypto from 'node:crypto'
import http from 'node:http'
import * as oidc from 'oidc-provider'

const Provider = oidc.Provider ?? oidc.default
const settings = JSON.parse(process.argv[2])
const people = new Map()
let keys
let current
let asked = 0

const KINDS = {
  RS256: () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => crypto.generateKeyPairSync('ed25519'),
}

function makeKeys() {
  keys = {}
  for (const [alg, make] of Object.entries(KINDS)) {
    const { privateKey } = make()
    keys[alg] = { privateKey, kid: `${alg}-${crypto.randomBytes(6).toString('hex')}` }
  }
}

function sign({ header, payload, key }) {
  const { privateKey, kid } = keys[key]
  const head = header ?? JSON.stringify({ alg: key, kid, typ: 'JWT' })
  const text = `${Buffer.from(head.replaceAll('KID', kid)).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
  const options = { RS256: [ 'sha256', privateKey ],
    PS256: [ 'sha256', { key: privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } ],
    ES256: [ 'sha256', { key: privateKey, dsaEncoding: 'ieee-p1363' } ],
    EdDSA: [ null, privateKey ] }[key]
  return `${text}.${crypto.sign(options[0], Buffer.from(text), options[1]).toString('base64url')}`
}

function makeProvider(issuer) {
  const jwks = { keys: Object.entries(keys).map(([alg, { privateKey, kid }]) => ({ ...privateKey.export({ format: 'jwk' }), alg, kid, use: 'sig' })) }
  const provider = new Provider(issuer, {
    jwks,
    clients: [
      { client_id: 'sluice', client_secret: 'secret-of-sluice+/=', redirect_uris: settings.redirect_uris, grant_types: ['authorization_code'],
        response_types: ['code'], id_token_signed_response_alg: settings.alg ?? 'RS256' },
      { client_id: 'robot', client_secret: 'secret-of-robot', redirect_uris: [], grant_types: ['client_credentials'], response_types: [] },
    ],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
    cookies: { keys: ['only for tests'] },
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...(people.get(sub) ?? {}) }) }),
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => ({ scope: 'api', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 300,
          jwt: { sign: { alg: settings.alg ?? 'RS256' } } }),
      },
    },
    extraTokenClaims: (ctx, token) => people.get(token.clientId),
  })
  const handle = provider.callback()
  provider.on('server_error', (ctx, error) => console.error(error))
  return handle
}

const server = http.createServer(async (request, response) => {
  if (!request.url.startsWith('/test/')) {
    if (request.url === '/jwks') asked += 1
    return current(request, response)
  }
  let body = ''
  for await (const piece of request) body += piece
  const given = body ? JSON.parse(body) : {}
  const answer = (value) => response.end(JSON.stringify(value))
  if (request.url === '/test/rotate') {
    makeKeys()
    current = makeProvider(issuer)
    return answer({})
  }
  if (request.url === '/test/sign') return answer({ token: sign(given) })
  if (request.url === '/test/person') return answer(Boolean(people.set(given.sub, given.claims)))
  if (request.url === '/test/asked') return answer({ asked })
  response.statusCode = 404
  return response.end()
})

let issuer
server.listen(settings.port, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`
  makeKeys()
  current = makeProvider(issuer)
  console.log(`issuer ${issuer} serves`)
})
