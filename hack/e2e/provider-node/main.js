// An OpenID provider for the tests: oidc-provider, with users who need no password. Anybody is a user whose login is an
// email address.
//
// GET /counts?user=LOGIN says in JSON what happened for a user. PUT /lifetime?client=ID&lifetime=SECONDS changes how
// long a client's ID tokens are valid.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { Provider } from 'oidc-provider';

const { values: flags } = parseArgs({
  options: {
    issuer: { type: 'string' }, // https://HOST:PORT, where it listens
    cert: { type: 'string' }, // the file of its certificate
    key: { type: 'string' }, // the file of the certificate's key
  },
});

// what happened, by user
const counts = new Map();

function countsOf(user) {
  if (!counts.has(user)) {
    counts.set(user, { sign_ins: 0, refreshes: 0, reuses: 0, revocations: 0, logouts: 0 });
  }
  return counts.get(user);
}

// client returns a public client, which may use any port of the loopback interface (RFC 8252, section 7.3).
function client(id) {
  return {
    client_id: id,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    redirect_uris: ['http://localhost:8080/callback'],
  };
}

const hour = 60 * 60;
const lifetimes = new Map(); // of ID tokens, in seconds, by client
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const page = (form, id) => `<!doctype html><title>Sign in</title>${form}
<button type="submit" form="${id}" id="allow">Sign in</button>
<button type="submit" form="${id}" id="deny" name="abort" value="yes" formnovalidate>Cancel</button>`;

const provider = new Provider(flags.issuer, {
  clients: [client('doks'), client('doks-short'), client('elsewhere')],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' }] },
  // The end_session endpoint takes POST, too, as its specification demands.
  enableHttpPostMethods: true,
  cookies: { keys: [randomBytes(32).toString('hex')], long: { sameSite: 'none' } },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], team_role: ['team_role'] },
  // The claims are in the ID token, where a cluster needs them.
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  findAccount: (_ctx, login) => ({
    accountId: login,
    claims: () => ({ sub: login, email: login, email_verified: true, team_role: ['Owner', 'Billing'] }),
  }),
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: (ctx, form) => { ctx.body = page(form, 'op.deviceInputForm'); },
      userCodeConfirmSource: (ctx, form) => { ctx.body = page(form, 'op.deviceConfirmForm'); },
      successSource: (ctx) => { ctx.body = 'you may close this page'; },
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = page(form, 'op.logoutForm'); },
    },
  },
  ttl: {
    AccessToken: hour, // not that of ID tokens, on purpose
    AuthorizationCode: 60,
    DeviceCode: 5 * 60,
    Grant: 24 * hour,
    IdToken: (_ctx, _token, { clientId }) => lifetimes.get(clientId) ?? hour,
    Interaction: hour,
    RefreshToken: 24 * hour,
    Session: 24 * hour,
  },
});

provider.on('grant.success', (ctx) => {
  const { Account: { accountId } } = ctx.oidc.entities;
  countsOf(accountId)[ctx.oidc.params.grant_type === 'refresh_token' ? 'refreshes' : 'sign_ins'] += 1;
});
provider.on('grant.error', (ctx, err) => {
  if (err.error_detail === 'refresh token already used') {
    countsOf(ctx.oidc.entities.RefreshToken.accountId).reuses += 1;
  }
});
provider.on('grant.revoked', (ctx) => {
  if (ctx.oidc.route === 'revocation') {
    countsOf(ctx.oidc.entities.RefreshToken.accountId).revocations += 1;
  }
});
provider.on('server_error', (_ctx, err) => { console.error(err); });
provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'end_session' && ctx.oidc.entities.IdTokenHint) {
    countsOf(ctx.oidc.entities.IdTokenHint.payload.sub).logouts += 1;
  }
});

// interact shows the page of a sign-in, or ends it.
async function interact(request, response) {
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(page('<form id="f" method="post"><input name="login" required autofocus></form>', 'f'));
    return;
  }
  const { params } = await provider.interactionDetails(request, response);
  const form = new URLSearchParams(await text(request));
  if (form.has('abort')) {
    const denied = { error: 'access_denied', error_description: 'the user canceled' };
    await provider.interactionFinished(request, response, denied);
    return;
  }
  const accountId = form.get('login');
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { login: { accountId }, consent });
}

const { hostname, port } = new URL(flags.issuer);
const callback = provider.callback();
const server = createServer({ cert: readFileSync(flags.cert), key: readFileSync(flags.key) }, (request, response) => {
  const { pathname, searchParams } = new URL(request.url, flags.issuer);
  if (pathname === '/counts') {
    response.end(JSON.stringify(countsOf(searchParams.get('user'))));
  } else if (pathname === '/lifetime') {
    lifetimes.set(searchParams.get('client'), Number(searchParams.get('lifetime')));
    response.end();
  } else if (pathname.startsWith('/interaction/')) {
    interact(request, response).catch((err) => {
      response.statusCode = 500;
      response.end(String(err));
    });
  } else {
    callback(request, response);
  }
});
server.listen(Number(port), hostname);
