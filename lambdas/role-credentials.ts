import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * Replaces @aws-sdk/credential-provider-node in the functions' bundles (infra/constructs/bundle-options.ts). Lambda puts
 * the credentials of the function's role into the environment. The SDK's default chain also looks in profiles, SSO,
 * processes, web identities and metadata services: that is a fifth of a bundle, and the metadata provider imports
 * `node:http` in a way that makes Node.js 22 and later load all of undici at a cold start (nodejs/node#59686).
 */
export function defaultProvider(init?: Parameters<typeof fromEnv>[0]) {
  const read = fromEnv(init);
  let credentials: ReturnType<typeof read> | undefined;
  return () => {
    credentials ??= read();
    return credentials;
  };
}
